package reissue

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/clustersnap/clustersnap/pkibundle"
	"github.com/clustersnap/clustersnap/pkibundle/internal/material"
	"github.com/clustersnap/clustersnap/pkibundle/internal/pod"
	"github.com/clustersnap/clustersnap/pkibundle/internal/role"
)

// NodeOf says which node a bundle is of, as [Leaves] wants to be told: for a new machine change Name and
// AdvertiseAddress. The bundle must hold all files of a control-plane node that kubeadm made: the shared ones do not tell.
//
// Name is that of the kubelet's certificate, else of etcd's. Address, port, services and version are those of the
// static pods; the version is the tag of kube-apiserver's image. The endpoint is the server of admin.conf, if that is
// not the node itself. What else stands in the certificates of kube-apiserver and etcd is in the three lists of names;
// one of them may mean the old machine. Validity stays 0: a certificate does not say what was asked for.
//
// The error names all that could not be found.
func NodeOf(b *pkibundle.Bundle) (Node, error) {
	var n Node
	err := errors.Join(n.readPods(b), n.readName(b))
	if err == nil {
		err = errors.Join(n.readEndpoint(b), n.readNames(b))
	}
	if err != nil {
		return Node{}, fmt.Errorf("describe the node of a bundle: %w", err)
	}
	return n, nil
}

// readPods takes what the static pods are told.
func (n *Node) readPods(b *pkibundle.Bundle) error {
	programs := pod.ByName(b.With(role.StaticPod), func(f pkibundle.File) (string, []byte) { return f.Path, f.Data })
	api := programs["kube-apiserver"]
	if api == nil {
		return errors.New("no static pod runs kube-apiserver: it is no bundle of a whole control-plane node")
	}
	var errs []error
	flag := func(name string, parse func(string) error) {
		if value := api.Flag(name); parse(value) != nil {
			errs = append(errs, fmt.Errorf("kube-apiserver --%s=%s: not understood", name, value))
		}
	}
	flag("advertise-address", func(s string) (err error) {
		n.AdvertiseAddress, err = netip.ParseAddr(s)
		return err
	})
	flag("secure-port", func(s string) error {
		port, err := strconv.ParseUint(s, 10, 16)
		n.BindPort = uint16(port)
		return err
	})
	flag("service-cluster-ip-range", func(s string) (err error) {
		first, _, _ := strings.Cut(s, ",")
		n.ServiceSubnet, err = netip.ParsePrefix(strings.TrimSpace(first))
		return err
	})
	n.Version = tag(api.Image)
	if _, err := minor(n.Version); err != nil {
		errs = append(errs, fmt.Errorf("image %q of kube-apiserver: %w", api.Image, err))
	}
	n.ClusterName = programs["kube-controller-manager"].Flag("cluster-name")
	n.ExternalEtcd = programs["etcd"] == nil
	servers := api.Flag("etcd-servers")
	if n.ExternalEtcd && (strings.Contains(servers, "//127.0.0.1:") || strings.Contains(servers, "//[::1]:")) {
		errs = append(errs, fmt.Errorf("kube-apiserver --etcd-servers=%s: no static pod is that etcd", servers))
	}
	return errors.Join(errs...)
}

// tag is that of an image, as in registry.k8s.io/kube-apiserver:v1.37.2; the registry may have a port.
func tag(image string) string {
	image, _, _ = strings.Cut(image, "@")
	_, last, _ := strings.Cut(image[strings.LastIndex(image, "/")+1:], ":")
	return last
}

// readName finds the name that the kubelet or etcd have in their certificates.
func (n *Node) readName(b *pkibundle.Bundle) error {
	kubelet := b.With(role.KubeletOwnClient)
	for _, f := range b.With(role.KubeletConf) {
		if config, err := material.ParseKubeconfig(f.Data); err == nil {
			kubelet = append(kubelet, pkibundle.File{Data: config.Cert})
			config.Clear()
		}
	}
	for _, c := range certificates(kubelet) {
		if name, ok := strings.CutPrefix(c.Subject.CommonName, nodeUser); ok {
			n.Name = name
			return nil
		}
	}
	if etcd := certificates(b.With(role.EtcdServerCert)); len(etcd) > 0 {
		n.Name = etcd[0].Subject.CommonName
		return nil
	}
	return errors.New("neither the kubelet nor etcd has a certificate with the name of the node")
}

// certificates are those in files; links and files without have none.
func certificates(files []pkibundle.File) (all []*x509.Certificate) {
	for _, f := range files {
		found, _ := material.Certificates(f.Data)
		all = append(all, found...)
	}
	return all
}

// readEndpoint takes the server of the first kubeconfig that kubeadm points to the shared endpoint.
func (n *Node) readEndpoint(b *pkibundle.Bundle) error {
	files := slices.Concat(b.With(role.AdminConf), b.With(role.KubeletConf))
	if len(files) == 0 {
		return errors.New("there is neither an admin.conf nor a kubelet.conf, which name the control-plane endpoint")
	}
	config, err := material.ParseKubeconfig(files[0].Data)
	if err != nil {
		return fmt.Errorf("%s: %w", files[0].Path, err)
	}
	config.Clear()
	server, err := url.Parse(config.Server)
	if err != nil || server.Host == "" {
		return fmt.Errorf("%s: its server is no URL", files[0].Path)
	}
	if config.Server != n.localURL() {
		n.ControlPlaneEndpoint = server.Host
	}
	return nil
}

// readNames finds what the certificates of servers say beyond what kubeadm gives each node.
func (n *Node) readNames(b *pkibundle.Bundle) error {
	api, err := namesIn(b, role.APIServerCert)
	if err != nil {
		return err
	}
	for _, name := range api {
		if domain, ok := strings.CutPrefix(name, serviceName); ok {
			n.DNSDomain = domain
		}
	}
	full, err := n.filled()
	if err != nil {
		return err
	}
	n.APIServerNames = beyond(api, full.apiServerNames())
	if n.ExternalEtcd {
		return nil
	}
	server, err := namesIn(b, role.EtcdServerCert)
	if err != nil {
		return err
	}
	peer, err := namesIn(b, role.EtcdPeerCert)
	n.EtcdServerNames, n.EtcdPeerNames = beyond(server, full.etcdNames()), beyond(peer, full.etcdNames())
	return err
}

// namesIn lists names and addresses of the certificate of a role.
func namesIn(b *pkibundle.Bundle, of string) ([]string, error) {
	found := certificates(b.With(of))
	if len(found) == 0 {
		return nil, fmt.Errorf("no certificate of role %s", of)
	}
	names := slices.Clone(found[0].DNSNames)
	for _, ip := range found[0].IPAddresses {
		names = append(names, ip.String())
	}
	return names, nil
}

// beyond gives those of names that usual lacks.
func beyond(names, usual []string) []string {
	return slices.DeleteFunc(names, func(n string) bool { return slices.Contains(usual, n) })
}
