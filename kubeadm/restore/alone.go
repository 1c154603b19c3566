package restore

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/clustersnap/clustersnap/kubeadm"
)

// others are the members of the old cluster beside the node's own, by name and URL, as the running etcd, the snapshot and the
// manifest have them. A member may be there several times: what was true when the snapshot was taken need not be now. Only the
// running etcd knows its own by name: elsewhere that may be another machine's, whose place the node takes.
func (p *Plan) others(running []kubeadm.Member) map[string]string {
	own := map[string]bool{}
	for _, u := range slices.Concat(p.Node.Etcd.PeerURLs, p.Node.Etcd.ClientURLs, p.Node.Etcd.Endpoints) {
		own[u.Value] = true
	}
	others := map[string]string{} // names by URL
	take := func(one kubeadm.Member) {
		for _, text := range slices.Concat(one.PeerURLs, one.ClientURLs) {
			host := hostOf(text)
			if host == "" || own[text] || one.Name == p.Node.Etcd.Name.Value && onLoopback(host) {
				continue
			}
			others[text] = one.Name
		}
	}
	for _, one := range slices.Concat(p.Members, inCluster(p.Node.Etcd.InitialCluster.Value)) {
		take(one)
	}
	for _, one := range running {
		if one.Name != p.Node.Etcd.Name.Value {
			take(one)
		}
	}
	return others
}

// onLoopback reports whether a host and port can only be this machine's, as peer URLs of old kubeadm's are
// (kubernetes/kubeadm#1950).
func onLoopback(host string) bool {
	name, _, err := net.SplitHostPort(host)
	addr, perr := netip.ParseAddr(name)
	return err == nil && (name == "localhost" || perr == nil && addr.IsLoopback())
}

// askedAtOnce bounds how many members are asked at a time. One without power takes the time of [askLimit].
const askedAtOnce = 16

// alone is an error if a member other than the node's own still answers: there would be two clusters.
func (p *Plan) alone(ctx context.Context, running []kubeadm.Member) error {
	if p.Alone {
		return nil
	}
	others := p.others(running)
	urls := slices.Sorted(maps.Keys(others))
	for some := range slices.Chunk(urls, askedAtOnce) {
		found := make(chan error, len(some))
		for _, text := range some {
			go func() { found <- gone(ctx, others[text], text) }()
		}
		var first error
		for range some {
			if err := <-found; first == nil {
				first = err
			}
		}
		if first != nil {
			return first
		}
	}
	return nil
}

// gone is an error unless nobody serves at the URL of a member.
func gone(ctx context.Context, name, text string) error {
	state, err := ask(ctx, hostOf(text))
	if err != nil {
		return fmt.Errorf("whether member %s is gone is not known: %w: see to it that it can be asked, or say that none "+
			"serves any more", name, err)
	}
	if state == listens {
		return fmt.Errorf("member %s still answers at %s: stop etcd there, or there will be two clusters", name, text)
	}
	return nil
}

// inCluster reads etcd's --initial-cluster.
func inCluster(text string) (members []kubeadm.Member) {
	for part := range strings.SplitSeq(text, ",") {
		if name, u, ok := strings.Cut(part, "="); ok {
			members = append(members, kubeadm.Member{Name: name, PeerURLs: []string{u}})
		}
	}
	return members
}

// hostOf is the host and port of a URL, empty if it is none.
func hostOf(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Port() == "" {
		return ""
	}
	return u.Host
}
