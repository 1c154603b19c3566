package kubeadm

import (
	"cmp"
	"fmt"
	"strings"
)

// APIServer is the node's kube-apiserver as its static pod declares it.
type APIServer struct {
	// EtcdServers are the URLs of etcd that it uses, and EtcdPrefix where its objects are there ("/registry" by default).
	EtcdServers []Setting `json:"etcdServers,omitempty"`
	EtcdPrefix  Setting   `json:"etcdPrefix"`
	// EtcdOverrides are resources that are in another etcd, each as GROUP/RESOURCE#URL;URL: a snapshot of the first one lacks them.
	EtcdOverrides []Setting `json:"etcdOverrides,omitempty"`
	// EncryptionConfig is the file with the keys of what is encrypted at rest, by its path on the node; zero if nothing is.
	EncryptionConfig Setting `json:"encryptionConfig,omitzero"`
	Image            Setting `json:"image"`
}

// findAPIServer returns the one container that runs kube-apiserver, or nil.
func findAPIServer(pods []staticPod) (*program, error) {
	found, err := programs(pods, "kube-apiserver")
	if err != nil || len(found) == 0 {
		return nil, err
	}
	if len(found) > 1 {
		return nil, fmt.Errorf("%w that runs kube-apiserver: %s and %s: leave one", ErrAmbiguous, found[0].file, found[1].file)
	}
	return found[0], nil
}

func (n *Node) readAPIServer(p *program) error {
	if p == nil {
		return nil
	}
	a := &APIServer{
		EtcdPrefix: p.flag("etcd-prefix", "/registry"),
		// The second is what kubeadm 1.11 and 1.12 have.
		EncryptionConfig: p.hostPath(cmp.Or(p.flag("encryption-provider-config", ""), p.flag("experimental-encryption-provider-config", ""))),
		Image:            p.image(),
	}
	overrides := p.list("etcd-servers-overrides")
	if p.err != nil {
		return p.err
	}
	var err error
	if a.EtcdServers, err = p.etcdServers(); err != nil {
		return err
	}
	for _, one := range strings.Split(overrides.Value, ",") {
		if one == "" {
			continue
		}
		a.EtcdOverrides = append(a.EtcdOverrides, Setting{Value: one, Source: overrides.Source})
		resource, _, _ := strings.Cut(one, "#")
		n.warn("%s: %s is in another etcd, and in no snapshot of this one", overrides.Source, resource)
	}
	n.APIServer = a
	return nil
}

// etcdServers are the URLs that kube-apiserver uses. It takes a slash at their ends, which etcd does not.
func (p *program) etcdServers() ([]Setting, error) {
	list := p.list("etcd-servers")
	if p.err != nil {
		return nil, p.err
	}
	urls := strings.Split(list.Value, ",")
	for i, u := range urls {
		u = strings.TrimSpace(u)
		if strings.HasPrefix(u, "unix:") {
			return nil, &DistributionError{"kine", p.file, "there is no etcd: back up the database behind " + u}
		}
		urls[i] = strings.TrimSuffix(u, "/")
	}
	list.Value = strings.Join(urls, ",")
	return endpoints(list, every)
}
