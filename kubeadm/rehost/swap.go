package rehost

import (
	"net/netip"
	"regexp"
	"strings"
)

// swap turns what means one host into what means another.
type swap struct{ from, to Host }

// address gives the new address for one of the old host.
func (s swap) address(a netip.Addr) (netip.Addr, bool) {
	a = a.Unmap()
	if a == s.from.Address {
		return s.to.Address, true
	}
	for i, b := range s.from.Others {
		if a == b && i < len(s.to.Others) {
			return s.to.Others[i], true
		}
	}
	return netip.Addr{}, false
}

// host is a name or an address without brackets.
func (s swap) host(text string) string {
	if a, err := netip.ParseAddr(text); err == nil {
		if b, ok := s.address(a); ok {
			return b.String()
		}
		return text
	}
	return s.name(text)
}

func (s swap) name(text string) string {
	if s.from.Name != "" && strings.EqualFold(text, s.from.Name) {
		return s.to.Name
	}
	return text
}

// local is host, and turns loopback of one family into that of the other where kubeadm would: its etcd listens on the one of
// the family of the advertised address (getEtcdCommand in cmd/kubeadm/app/phases/etcd of kubernetes/kubernetes).
func (s swap) local(text string) string {
	a, err := netip.ParseAddr(text)
	if err != nil || s.from.Address.Is4() == s.to.Address.Is4() {
		return s.host(text)
	}
	if a.Unmap() == loopback(s.from.Address) {
		return loopback(s.to.Address).String()
	}
	return s.host(text)
}

func loopback(of netip.Addr) netip.Addr {
	if of.Is4() {
		return netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return netip.IPv6Loopback()
}

// url is one that etcd or kube-apiserver takes for an address: its parts, host without brackets.
type url struct{ scheme, host, port, rest string }

// Manifests of kubeadm before 1.16 have IPv4 in brackets.
var urlForm = regexp.MustCompile(`^([a-z]+://)?(?:\[([^\[\]]*)\]|([^\[\]:/@]+))(:[0-9]+)?(/[^@]*)?$`)

func splitURL(text string) (url, bool) {
	m := urlForm.FindStringSubmatch(text)
	if m == nil {
		return url{}, false
	}
	return url{m[1], m[2] + m[3], m[4], m[5]}, true
}

func (u url) String() string {
	host := u.host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return u.scheme + host + u.port + u.rest
}

// each applies change to the hosts of a list of URLs, or of host:port. A URL that does not change stays letter for letter.
func each(list, separator string, change func(string) string) string {
	urls := strings.Split(list, separator)
	for i, text := range urls {
		u, ok := splitURL(strings.TrimSpace(text))
		if !ok {
			continue
		}
		if host := change(u.host); host != u.host {
			u.host = host
			urls[i] = u.String()
		}
	}
	return strings.Join(urls, separator)
}

// cluster is etcd's --initial-cluster, name=URL,...: the old host's own entries stay, with the new name and address. A restored
// member is alone, and kubeadm names it alone, too (CreateLocalEtcdStaticPodManifestFile).
func (s swap) cluster(list string) string {
	var own []string
	for _, entry := range strings.Split(list, ",") {
		name, text, ok := strings.Cut(strings.TrimSpace(entry), "=")
		if !ok || s.name(name) == name && each(text, ",", s.host) == text {
			continue
		}
		own = append(own, s.name(name)+"="+each(text, ",", s.host))
	}
	if own == nil {
		return list
	}
	return strings.Join(own, ",")
}

// overrides is kube-apiserver's --etcd-servers-overrides, group/resource#URL;URL,...
func (s swap) overrides(list string) string {
	entries := strings.Split(list, ",")
	for i, entry := range entries {
		if resource, urls, ok := strings.Cut(entry, "#"); ok {
			entries[i] = resource + "#" + each(urls, ";", s.local)
		}
	}
	return strings.Join(entries, ",")
}
