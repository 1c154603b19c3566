package kubeadm

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// Etcd is a node's etcd member as its static pod declares it. What the running
// member says may differ, as etcd ignores some flags once it has data: ask it
// for its member list where it can be reached.
type Etcd struct {
	// External says that no etcd runs on the node: Endpoints and Credentials are those that kube-apiserver uses, and all else is
	// not known.
	External bool `json:"external,omitempty"`
	// Name is the member's name.
	Name Setting `json:"name,omitzero"`
	// PeerURLs are those that the member advertises to its peers. kubeadm
	// finds members by the first.
	PeerURLs []Setting `json:"peerURLs,omitempty"`
	// InitialCluster is name=peerURL,... as the manifest has it; etcd takes
	// Name=PeerURLs where it is zero. It is not the member list: the first
	// node's holds itself only, and "kubeadm upgrade" reduces each to that.
	InitialCluster Setting `json:"initialCluster,omitzero"`
	// DataDir is the node's directory with the member's data, and WALDir the one with its log, zero where that is in DataDir.
	DataDir Setting `json:"dataDir,omitzero"`
	WALDir  Setting `json:"walDir,omitzero"`
	// Endpoints are the URLs to reach this member at from its own node: those
	// on loopback that it listens on, else those that it advertises.
	Endpoints []Setting `json:"endpoints"`
	// ClientURLs are those that it advertises to clients elsewhere.
	ClientURLs []Setting `json:"clientURLs,omitempty"`
	// Credentials are the client credentials for Endpoints that the node declares, the best first, none where etcd serves without
	// TLS: see [Etcd.ClientTLS]. Put one before them to have it preferred.
	Credentials []Credential `json:"credentials,omitempty"`
	// Quota is --quota-backend-bytes, zero for etcd's default of 2 GiB.
	Quota Setting `json:"quota,omitzero"`
	// Image is the container image, and Version its tag's, such as "3.6.5"; zero where the tag states none.
	Image   Setting `json:"image,omitzero"`
	Version Setting `json:"version,omitzero"`
}

// findEtcd returns the one container that runs etcd. There may be none beside a kube-apiserver.
func findEtcd(pods []staticPod, apiserver bool) (*program, error) {
	found, err := programs(pods, "etcd")
	switch {
	case err != nil:
		return nil, err
	case len(found) > 1:
		a, b := found[0], found[1]
		return nil, fmt.Errorf("%w that runs etcd: container %s of %s and container %s of %s: leave one, copies belong outside the directory",
			ErrAmbiguous, a.container.Name, a.file, b.container.Name, b.file)
	case len(found) == 1:
		return found[0], nil
	}
	if err := startedIndirectly(pods, "etcd"); err != nil || apiserver {
		return nil, err
	}
	return nil, fmt.Errorf("%w: %d manifests were read: run this on a control-plane node", ErrNoEtcd, len(pods))
}

// startedIndirectly is an error if something else than its own command starts a program, such as a shell.
func startedIndirectly(pods []staticPod, name string) error {
	for _, p := range pods {
		for _, container := range p.pod.Spec.Containers {
			line := strings.Join(slices.Concat(container.Command, container.Args), " ")
			starts := slices.ContainsFunc(strings.Fields(line), func(word string) bool {
				word = strings.Trim(word, "'\"`;(){}&|")
				return word == name || strings.HasSuffix(word, "/bin/"+name)
			})
			if container.Name == name || starts {
				return fmt.Errorf("%s: the command of container %s is not %s itself: %w: make it %s, with its flags",
					p.file, container.Name, name, ErrDynamicCommand, name)
			}
		}
	}
	return nil
}

// readEtcd reads a member's settings. Absent flags have etcd's defaults
// (server/embed/config.go in etcd-io/etcd).
func (n *Node) readEtcd(etcd, apiserver *program, usual []pairFiles) (err error) {
	if etcd == nil {
		return n.readExternal(apiserver)
	}
	name := etcd.flag("name", "default")
	peers := etcd.flag("initial-advertise-peer-urls", "http://localhost:2380")
	listen := etcd.flag("listen-client-urls", "http://localhost:2379")
	advertise := etcd.flag("advertise-client-urls", "")
	e := Etcd{
		Name:           name,
		InitialCluster: etcd.flag("initial-cluster", ""),
		DataDir:        etcd.hostPath(etcd.flag("data-dir", name.Value+".etcd")),
		Quota:          etcd.flag("quota-backend-bytes", ""),
	}
	if etcd.err != nil {
		return etcd.err
	}
	if e.WALDir, err = n.walDir(etcd); err != nil {
		return err
	}
	e.Image = etcd.image()
	e.Version = tagVersion(e.Image)
	if e.PeerURLs, err = endpoints(peers, every); err != nil {
		return err
	}
	if e.ClientURLs, err = endpoints(advertise, every); err != nil {
		return err
	}
	if e.Endpoints, err = localEndpoints(listen, e.ClientURLs); err != nil {
		return err
	}
	if e.Credentials, err = etcdCredentials(etcd, apiserver, pairs(usual, n.Distribution)); err != nil {
		return err
	}
	n.Etcd = e
	return n.checkUsed(apiserver)
}

// checkUsed holds the member against what kube-apiserver uses: a manifest that was left over is of another etcd.
func (n *Node) checkUsed(apiserver *program) error {
	if apiserver == nil {
		return nil
	}
	servers, err := apiserver.etcdServers()
	if err != nil || len(servers) == 0 {
		return err
	}
	named := false
	for _, s := range servers {
		host := hostPort(s.Value)
		for _, own := range slices.Concat(n.Etcd.Endpoints, n.Etcd.ClientURLs) {
			if hostPort(own.Value) == host {
				return nil
			}
		}
		addr, _, _ := net.SplitHostPort(host)
		_, err := netip.ParseAddr(addr)
		named = named || err != nil
	}
	own := n.Etcd.Name.Source.File
	if named { // by a name, which may be this node's
		n.warn("%s is %s, and the etcd of %s listens on none of these: see to it that it is the same", servers[0].Source, servers[0].Value, own)
		return nil
	}
	return fmt.Errorf("%w etcd: %s is %s, and that of %s is another one: remove what is left over", ErrAmbiguous, servers[0].Source, servers[0].Value, own)
}

// hostPort is where a URL leads: all names of loopback are one.
func hostPort(raw string) string {
	u, err := parseURL(raw)
	if err != nil {
		return ""
	}
	if isLoopback(u.Hostname()) {
		return net.JoinHostPort("127.0.0.1", u.Port())
	}
	return u.Host
}

// walDir is not an error where it is lost with the container: a backup needs no log. It is a warning for who restores.
func (n *Node) walDir(etcd *program) (Setting, error) {
	dir := etcd.hostPath(etcd.flag("wal-dir", ""))
	lost := new(PathNotOnHostError)
	if errors.As(etcd.err, &lost) {
		etcd.err = nil
		n.warn("%v; until then the log is lost with the container, and nothing can be restored to it", lost)
		return Setting{}, nil
	}
	return dir, etcd.err
}

// readExternal takes what kube-apiserver knows of an etcd elsewhere.
func (n *Node) readExternal(p *program) error {
	servers, err := p.etcdServers()
	if err != nil {
		return err
	}
	if len(servers) == 0 {
		return fmt.Errorf("%w, and %s has no --etcd-servers", ErrNoEtcd, p.file)
	}
	credential := p.credential("etcd-cafile", "etcd-certfile", "etcd-keyfile")
	if p.err != nil {
		return p.err
	}
	n.Etcd.External, n.Etcd.Endpoints = true, servers
	if credential.complete() {
		n.Etcd.Credentials = []Credential{credential}
	}
	if u, err := parseURL(servers[0].Value); err == nil && isLoopback(u.Hostname()) {
		n.warn("%s is %s, which is this node, but nothing here is found that runs etcd: its data directory is not known", servers[0].Source, servers[0].Value)
	}
	return nil
}

func (n *Node) warn(format string, args ...any) {
	n.Warnings = append(n.Warnings, fmt.Sprintf(format, args...))
}

var (
	versionTag = regexp.MustCompile(`^v?(\d+\.\d+\.\d+)(?:[-_.+].*)?$`)
	prerelease = regexp.MustCompile(`^v?\d+\.\d+\.\d+-(alpha|beta|rc)`) // a release
)

// tagVersion reads a version from an image's tag: "3.5.15-0", "v3.5.15".
func tagVersion(image Setting) Setting {
	name, _, _ := strings.Cut(image.Value, "@")
	_, tag, ok := strings.Cut(name[strings.LastIndexByte(name, '/')+1:], ":")
	m := versionTag.FindStringSubmatch(tag)
	if !ok || m == nil || prerelease.MatchString(tag) {
		return Setting{}
	}
	image.Value, image.Source.Rule = m[1], "from its tag"
	return image
}
