package check

import (
	"net/netip"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/clustersnap/clustersnap/pkibundle"
	"github.com/clustersnap/clustersnap/pkibundle/internal/pod"
	"github.com/clustersnap/clustersnap/pkibundle/internal/role"
)

// The programs of a control plane.
const (
	apiServer         = "kube-apiserver"
	controllerManager = "kube-controller-manager"
	scheduler         = "kube-scheduler"
	etcd              = "etcd"
)

// node is a bundle, looked at as the node that it was taken from.
type node struct {
	bundle   *pkibundle.Bundle
	files    map[string]pkibundle.File // by path
	programs map[string]*pod.Program   // those of static pods, by name
}

func newNode(b *pkibundle.Bundle) *node {
	n := &node{bundle: b, files: map[string]pkibundle.File{}}
	for _, f := range b.Files {
		n.files[f.Path] = f
	}
	n.programs = pod.ByName(b.With(role.StaticPod), func(f pkibundle.File) (string, []byte) { return f.Path, f.Data })
	return n
}

// flag is the value that a program's flag has, "" if there is no such program or flag.
func (n *node) flag(program, name string) string { return n.programs[program].Flag(name) }

// onNode is the node's path of one that the reader of files for a purpose sees.
func (n *node) onNode(r, name string) string { return n.programs[known[r].program].OnNode(name) }

// flagged is where a flag has the node's file for a purpose, "" if none says.
func (n *node) flagged(r string) string { return n.onNode(r, n.flag(known[r].program, known[r].flag)) }

// all returns the files, no links, that are for one purpose. The one that a flag names may be there for another, too.
func (n *node) all(r string) []pkibundle.File {
	found := slices.DeleteFunc(n.bundle.With(r), func(f pkibundle.File) bool { return f.Link != "" })
	if at, ok := n.lookup(n.flagged(r), "."); ok && n.files[at].Role != r {
		found = append(found, n.files[at])
	}
	return found
}

// with returns those of them that are used: if a flag names one that is there, that one.
func (n *node) with(r string) []pkibundle.File {
	if at, ok := n.lookup(n.flagged(r), "."); ok {
		return []pkibundle.File{n.files[at]}
	}
	return n.all(r)
}

// has says whether there is a file for a purpose.
func (n *node) has(r string) bool { return len(n.with(r)) > 0 }

// named finds a file that another one names, as the reader of that one sees it.
func (n *node) named(by pkibundle.File, name string) (string, bool) {
	return n.lookup(n.onNode(by.Role, name), path.Dir(by.Path))
}

// lookup follows a name, absolute on the node or relative to dir, through the links of the bundle to a file of it.
func (n *node) lookup(name, dir string) (string, bool) {
	if name == "" {
		return "", false
	}
	if !path.IsAbs(name) {
		name = path.Join(dir, name)
	}
	rest := strings.Split(strings.Trim(name, "/"), "/")
	at := "."
	for links := 0; len(rest) > 0; {
		at, rest = path.Join(at, rest[0]), rest[1:]
		text := n.files[at].Link
		if text == "" {
			continue
		}
		if links++; links > 40 { // as Linux has it, path_resolution(7)
			return "", false
		}
		if at = path.Dir(at); path.IsAbs(text) {
			at = "."
		}
		rest = slices.Concat(strings.Split(strings.Trim(text, "/"), "/"), rest)
	}
	_, ok := n.files[at]
	return at, ok
}

// urls are those of a flag that takes several.
func (n *node) urls(program, flag string) []*url.URL {
	var found []*url.URL
	for text := range strings.SplitSeq(n.flag(program, flag), ",") {
		if u, err := url.Parse(strings.TrimSpace(text)); err == nil && isHost(u.Hostname()) {
			found = append(found, u)
		}
	}
	return found
}

// isHost says whether a text may be an IP address or a name in the DNS. What is something else could be a key that stands in
// the wrong place.
func isHost(text string) bool {
	if _, err := netip.ParseAddr(text); err == nil {
		return true
	}
	return text != "" && !strings.ContainsFunc(text, func(r rune) bool {
		return r != '-' && r != '.' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	}) && !slices.ContainsFunc(strings.Split(text, "."), func(label string) bool { return len(label) > 63 })
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}
