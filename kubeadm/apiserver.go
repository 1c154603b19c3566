package kubeadm

import "strings"

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

func (n *Node) readAPIServer(apiservers []*program) error {
	if len(apiservers) == 0 {
		return nil
	}
	p := apiservers[0]
	a := &APIServer{
		EtcdPrefix:       p.flag("etcd-prefix", "/registry"),
		EncryptionConfig: p.hostPath(p.flag("encryption-provider-config", "")),
		Image:            p.image(),
	}
	servers, overrides := p.flag("etcd-servers", ""), p.flag("etcd-servers-overrides", "")
	if p.err != nil {
		return p.err
	}
	var err error
	if !strings.HasPrefix(servers.Value, "unix") {
		if a.EtcdServers, err = endpoints(servers, everyHost); err != nil {
			return err
		}
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
