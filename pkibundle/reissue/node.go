package reissue

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Node is the machine that the certificates are for, and what they say of its cluster. The fields are those of
// kubeadm's InitConfiguration and ClusterConfiguration.
type Node struct {
	Name             string     // of the Node object, by default the host name in lower case; required
	AdvertiseAddress netip.Addr // of kube-apiserver and etcd, for others to reach; required
	// Version is that of Kubernetes, such as "v1.37.2" or "1.28"; required, because groups depend on it.
	// Before v1.29 admin.conf belongs to system:masters, and so does the certificate that kube-apiserver shows kubelets.
	// Since then both belong to kubeadm:cluster-admins, which a ClusterRoleBinding makes administrators, and
	// super-admin.conf to system:masters. Since v1.37 what kubelets are shown has no group, but a binding by name. The
	// last patches of v1.33 to v1.36 do as v1.37, but the binding may be missing there (kubernetes/kubeadm#3310), so
	// they get the group that works either way.
	Version string

	BindPort             uint16       // of kube-apiserver; 0 is 6443
	ControlPlaneEndpoint string       // host or host:port by which all reach the API; empty is this node's address
	ServiceSubnet        netip.Prefix // of two that of the first family; zero is 10.96.0.0/12
	DNSDomain            string       // empty is "cluster.local"
	ClusterName          string       // in kubeconfigs; empty is "kubernetes"
	ExternalEtcd         bool         // etcd is on other machines, so that nothing is made for one here

	// Further names and addresses in the certificates of three servers, as certSANs, etcd's serverCertSANs and
	// peerCertSANs. A name may begin with "*." and have capitals.
	APIServerNames, EtcdServerNames, EtcdPeerNames []string

	Validity time.Duration // of the certificates; 0 is a year of 365 days
}

// filled gives the node with kubeadm's defaults (cmd/kubeadm/app/apis/kubeadm/v1beta4/defaults.go), or says all that is
// wrong with it.
func (n Node) filled() (Node, error) {
	n.AdvertiseAddress = n.AdvertiseAddress.Unmap()
	if n.BindPort == 0 {
		n.BindPort = 6443
	}
	if n.ServiceSubnet == (netip.Prefix{}) {
		n.ServiceSubnet = netip.MustParsePrefix("10.96.0.0/12")
	}
	if n.DNSDomain == "" {
		n.DNSDomain = "cluster.local"
	}
	if n.ClusterName == "" {
		n.ClusterName = "kubernetes"
	}
	if n.Validity == 0 {
		n.Validity = 365 * 24 * time.Hour
	}
	return n, n.check()
}

func (n Node) check() error {
	var errs []error
	wrong := func(field string, value any, want string) {
		errs = append(errs, fmt.Errorf("%s %q: want %s", field, value, want))
	}
	if !isHost(n.Name) {
		wrong("name", n.Name, "a DNS name in lower case")
	}
	if !isReachable(n.AdvertiseAddress) {
		wrong("advertise address", n.AdvertiseAddress, "an address that others reach")
	}
	if _, err := minor(n.Version); err != nil {
		errs = append(errs, err)
	}
	if n.ControlPlaneEndpoint != "" {
		if _, _, err := splitEndpoint(n.ControlPlaneEndpoint); err != nil {
			errs = append(errs, err)
		}
	}
	if !n.ServiceSubnet.Contains(n.serviceAddress()) {
		wrong("service subnet", n.ServiceSubnet, "a range with two addresses or more")
	}
	if !isHost(n.DNSDomain) {
		wrong("DNS domain", n.DNSDomain, "a DNS name in lower case")
	}
	if n.Validity < 0 {
		wrong("validity", n.Validity, "some time to come")
	}
	for _, names := range [][]string{n.APIServerNames, n.EtcdServerNames, n.EtcdPeerNames} {
		for _, name := range names {
			if !isHost(strings.ToLower(strings.TrimPrefix(name, "*."))) { // minikube has "minikubeCA"
				wrong("further name", name, "an address or a DNS name") // kubeadm drops it with a warning
			}
		}
	}
	return errors.Join(errs...)
}

// isReachable says whether others can use an address as that of a node.
func isReachable(a netip.Addr) bool {
	return a.IsValid() && !a.IsUnspecified() && !a.IsLoopback() && !a.IsMulticast() && a.Zone() == ""
}

// isHost says whether it is an address or a name of RFC 1123, as Kubernetes reads that: in lower case.
func isHost(s string) bool {
	if _, err := netip.ParseAddr(s); err == nil {
		return true
	}
	for label := range strings.SplitSeq(s, ".") {
		ends := strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-")
		if label == "" || ends || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return false
		}
	}
	return len(s) <= 253
}

// minor gives N of the version v1.N.
func minor(version string) (int, error) {
	rest, ok := strings.CutPrefix(strings.TrimPrefix(version, "v"), "1.")
	text, _, _ := strings.Cut(rest, ".")
	n, err := strconv.Atoi(text)
	if !ok || err != nil || n < 0 {
		return 0, fmt.Errorf("version %q: want one of Kubernetes, such as \"v1.37.2\"", version)
	}
	return n, nil
}

// splitEndpoint reads host or host:port; the port may be empty.
func splitEndpoint(endpoint string) (host, port string, err error) {
	host, port, err = net.SplitHostPort(endpoint)
	if err != nil {
		host, port = endpoint, ""
	}
	if port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return "", "", fmt.Errorf("control-plane endpoint %q: want a port from 1 to 65535", endpoint)
		}
	}
	if !isHost(host) {
		return "", "", fmt.Errorf("control-plane endpoint %q: want a host, or host:port", endpoint)
	}
	return host, port, nil
}

// serviceAddress is that of the Service "kubernetes" in the namespace default.
func (n Node) serviceAddress() netip.Addr { return n.ServiceSubnet.Masked().Addr().Next() }

// localURL is where the node's own kube-apiserver answers.
func (n Node) localURL() string {
	return "https://" + net.JoinHostPort(n.AdvertiseAddress.String(), strconv.Itoa(int(n.BindPort)))
}

// sharedURL is where the cluster answers (cmd/kubeadm/app/util/endpoint.go). The node was checked.
func (n Node) sharedURL() string {
	if n.ControlPlaneEndpoint == "" {
		return n.localURL()
	}
	host, port, _ := splitEndpoint(n.ControlPlaneEndpoint)
	if port == "" {
		port = strconv.Itoa(int(n.BindPort))
	}
	return "https://" + net.JoinHostPort(host, port)
}

// apiServerNames are the names and addresses of kube-apiserver (GetAPIServerAltNames in kubeadm's pki_helpers.go).
func (n Node) apiServerNames() []string {
	names := []string{
		n.Name, "kubernetes", "kubernetes.default", "kubernetes.default.svc", serviceName + n.DNSDomain,
		n.serviceAddress().String(), n.AdvertiseAddress.String(),
	}
	if n.ControlPlaneEndpoint != "" {
		host, _, _ := splitEndpoint(n.ControlPlaneEndpoint)
		names = append(names, host)
	}
	return append(names, n.APIServerNames...)
}

// serviceName stands before the DNS domain in the name of the Service "kubernetes".
const serviceName = "kubernetes.default.svc."

// etcdNames are those that etcd has for clients and for peers, before the further ones.
func (n Node) etcdNames() []string {
	return []string{n.Name, "localhost", n.AdvertiseAddress.String(), "127.0.0.1", "::1"}
}
