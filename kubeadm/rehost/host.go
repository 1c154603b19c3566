package rehost

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
)

// Host is a control-plane node as its cluster knows it.
type Host struct {
	// Name is that of the Node object and of the etcd member, a DNS name in lower case.
	Name string `json:"name"`
	// Address is the one that kube-apiserver and etcd advertise.
	Address netip.Addr `json:"address"`
	// Others are further addresses of the node, such as that of a second family or of a network between etcd members. Those of
	// a new host take the places of those of the old one, in their order.
	Others []netip.Addr `json:"others,omitempty"`
	// Port is kube-apiserver's; 0 is 6443. [Manifests] leaves ports as they are.
	Port uint16 `json:"port,omitempty"`
}

// check says what of a host cannot be used in files and commands.
func (h Host) check() error {
	if err := checkName(h.Name); err != nil {
		return err
	}
	return h.checkAddresses()
}

func (h Host) checkAddresses() error {
	for _, a := range append([]netip.Addr{h.Address}, h.Others...) {
		if err := checkAddress(a); err != nil {
			return err
		}
	}
	return nil
}

// checkName takes names of Node objects (RFC 1123), which are safe as arguments too: none begins with a dash.
func checkName(name string) error {
	if len(validation.IsDNS1123Subdomain(name)) > 0 {
		return fmt.Errorf("node name %.100q is no DNS name in lower case: give the one of the Node object", name)
	}
	return nil
}

func checkAddress(a netip.Addr) error {
	if !a.IsValid() || a.Zone() != "" || a.IsUnspecified() || a.IsLoopback() || a.IsMulticast() || a.IsLinkLocalUnicast() {
		return fmt.Errorf("address %q is none at which other nodes reach a node: give the one that it advertises", a)
	}
	return nil
}

// plain gives the host without addresses of IPv4 in the form of IPv6.
func (h Host) plain() Host {
	h.Address = h.Address.Unmap()
	others := make([]netip.Addr, 0, len(h.Others))
	for _, a := range h.Others {
		others = append(others, a.Unmap())
	}
	h.Others = others
	return h
}

func (h Host) port() string {
	if h.Port == 0 {
		return "6443"
	}
	return strconv.Itoa(int(h.Port))
}

// server is the host and port of its kube-apiserver.
func (h Host) server() string { return net.JoinHostPort(h.Address.String(), h.port()) }

// peerURL is what kubeadm advertises for an etcd member (GetPeerURL in cmd/kubeadm/app/util/etcd of kubernetes/kubernetes).
func peerURL(a netip.Addr) string { return "https://" + net.JoinHostPort(a.String(), "2380") }

// HostOf says which host manifests are of: the name is etcd's --name, empty where etcd is elsewhere; the address is
// kube-apiserver's --advertise-address, else etcd's; the others are those in etcd's flags besides it. A second address of a
// node that no flag of etcd has is not found: add it.
//
// It fails if there is no such address, or if what stands there is none.
func HostOf(manifests []File) (Host, error) {
	h, err := hostOf(manifests)
	if err != nil {
		return Host{}, fmt.Errorf("tell the host of manifests: %w", err)
	}
	return h, nil
}

func hostOf(manifests []File) (Host, error) {
	var h Host
	documents, err := readAll(manifests)
	if err != nil {
		return h, err
	}
	var etcd []netip.Addr
	for _, d := range documents {
		for _, c := range d.containers() {
			switch c.program() {
			case "kube-apiserver":
				if err := h.readAPIServer(d, c); err != nil {
					return Host{}, err
				}
			case "etcd":
				if name := c.value("name"); name != "" {
					h.Name = name
				}
				etcd = append(etcd, c.addresses()...)
			}
		}
	}
	for _, a := range etcd {
		switch {
		case !h.Address.IsValid():
			h.Address = a
		case a != h.Address && !slices.Contains(h.Others, a):
			h.Others = append(h.Others, a)
		}
	}
	if !h.Address.IsValid() {
		return Host{}, errors.New("neither --advertise-address of kube-apiserver nor the URLs of etcd have an address that " +
			"others reach: say which host they are of")
	}
	if h.Name != "" {
		return h, h.check()
	}
	return h, h.checkAddresses()
}

func (h *Host) readAPIServer(d *document, c *container) error {
	if text := c.value("advertise-address"); text != "" {
		a, err := netip.ParseAddr(text)
		if err != nil {
			return fmt.Errorf("%s: --advertise-address of kube-apiserver is no address: say which host it is of", d.path)
		}
		h.Address = a.Unmap()
	}
	if text := c.value("secure-port"); text != "" {
		port, err := strconv.ParseUint(text, 10, 16)
		if err != nil {
			return fmt.Errorf("%s: --secure-port of kube-apiserver is no port: correct it", d.path)
		}
		h.Port = uint16(port)
	}
	return nil
}

// addresses are those in the URLs that an etcd advertises and listens on, the advertised first, that lead from elsewhere to
// the node.
func (c *container) addresses() (found []netip.Addr) {
	for _, flag := range []string{"initial-advertise-peer-urls", "advertise-client-urls", "listen-peer-urls",
		"listen-client-urls"} {
		for _, text := range strings.Split(c.value(flag), ",") {
			u, ok := splitURL(strings.TrimSpace(text))
			a, err := netip.ParseAddr(u.host)
			if ok && err == nil && checkAddress(a.Unmap()) == nil {
				found = append(found, a.Unmap())
			}
		}
	}
	return found
}
