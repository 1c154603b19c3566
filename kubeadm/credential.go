package kubeadm

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Credential is the files of a TLS client, by their paths on the node.
type Credential struct {
	CA   Setting `json:"ca"`
	Cert Setting `json:"cert"`
	Key  Setting `json:"key"`
}

// etcdCredentials lists the client credentials for etcd, the best first: what an old kubeadm's probe calls etcdctl with; the
// healthcheck-client pair beside the server's, which kubeadm makes for tools; what kube-apiserver uses; the usual ones
// of a distribution; the peer's and the server's own, which are client certificates, too (etcd-io/etcd#9785). All of them are
// signed by etcd's CA, and etcd trusts each alike.
func etcdCredentials(etcd, apiserver *program, usual []Credential) ([]Credential, error) {
	server := etcd.credential("trusted-ca-file", "cert-file", "key-file")
	if etcd.err != nil || server.Cert == (Setting{}) {
		return nil, etcd.err
	}
	list := []Credential{etcd.probe(), server.beside("healthcheck-client")}
	if apiserver != nil {
		list = append(list, apiserver.credential("etcd-cafile", "etcd-certfile", "etcd-keyfile"))
		if apiserver.err != nil {
			return nil, apiserver.err
		}
	}
	list = append(list, usual...)
	peer := etcd.credential("peer-trusted-ca-file", "peer-cert-file", "peer-key-file")
	peer.CA = server.CA // of who answers clients
	list = append(list, peer, server)
	seen := map[[3]string]bool{}
	return slices.DeleteFunc(list, func(c Credential) bool {
		files := [3]string{c.CA.Value, c.Cert.Value, c.Key.Value}
		again := seen[files]
		seen[files] = true
		return again || !c.complete()
	}), etcd.err
}

func (c Credential) complete() bool {
	return c.CA != (Setting{}) && c.Cert != (Setting{}) && c.Key != (Setting{})
}

func (p *program) credential(ca, cert, key string) Credential {
	return Credential{
		CA:   p.hostPath(p.flag(ca, "")),
		Cert: p.hostPath(p.flag(cert, "")),
		Key:  p.hostPath(p.flag(key, "")),
	}
}

// beside is the pair called name in the directory of c's certificate.
func (c Credential) beside(name string) Credential {
	dir := path.Dir(c.Cert.Value)
	source := c.Cert.Source
	source.Rule = strings.TrimPrefix(source.Rule+", "+name+" beside it", ", ")
	return Credential{
		CA:   c.CA,
		Cert: Setting{Value: path.Join(dir, name+".crt"), Source: source},
		Key:  Setting{Value: path.Join(dir, name+".key"), Source: source},
	}
}

// probe is what the liveness probe calls etcdctl with: kubeadm's did until 1.15.
func (p *program) probe() Credential {
	if p.container == nil || p.container.LivenessProbe == nil || p.container.LivenessProbe.Exec == nil {
		return Credential{}
	}
	args, ok, err := arguments(p.container.LivenessProbe.Exec.Command, "etcdctl")
	if !ok || err != nil {
		return Credential{} // of no use, and no harm: others follow
	}
	probe := &program{file: p.file, pod: p.pod, container: p.container, flags: parseFlags(args)}
	c := probe.credential("cacert", "cert", "key")
	if probe.err != nil {
		return Credential{}
	}
	for _, s := range []*Setting{&c.CA, &c.Cert, &c.Key} {
		if *s != (Setting{}) {
			s.Source.Key = "livenessProbe " + s.Source.Key
		}
	}
	return c
}

// nameInRoot turns a path of the host into the name of a file in its root.
func nameInRoot(file Setting) (string, error) {
	name, absolute := strings.CutPrefix(file.Value, "/")
	if !absolute || !fs.ValidPath(name) {
		return "", fmt.Errorf("%q (%s) is not an absolute path of the node: correct it", file.Value, file.Source)
	}
	return name, nil
}
