package kubeadm

import (
	"net"
	"net/netip"
)

// securePorts are the defaults of --secure-port (pkg/controlplane/apiserver/options and cmd/kube-controller-manager,
// kube-scheduler in kubernetes/kubernetes).
var securePorts = map[string]string{
	"kube-apiserver": "6443", "kube-controller-manager": "10257", "kube-scheduler": "10259",
}

// serves is where a program of the control plane listens. All addresses are reached at loopback.
func (p *program) serves(name string) Setting {
	usual, ok := securePorts[name]
	if !ok {
		return Setting{}
	}
	port, address := p.flag("secure-port", usual), p.flag("bind-address", "0.0.0.0")
	if port.Value == "0" {
		return Setting{}
	}
	if addr, err := netip.ParseAddr(address.Value); err == nil && addr.IsUnspecified() {
		address.Value = "127.0.0.1"
	}
	port.Value = net.JoinHostPort(address.Value, port.Value)
	return port
}
