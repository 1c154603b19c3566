package kubeadm

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// credential is the files of a TLS client, on the host.
type credential struct{ ca, cert, key Setting }

// chooseCredential picks the client credential for etcd; see [Etcd] for the
// order. All of them are signed by etcd's CA, and etcd trusts each alike.
func chooseCredential(root fs.FS, etcd *program, apiservers []*program) (credential, error) {
	server := etcd.credential("trusted-ca-file", "cert-file", "key-file")
	if etcd.err != nil || server.cert == (Setting{}) {
		return credential{}, etcd.err
	}
	if server.ca != (Setting{}) {
		tools := server.beside("healthcheck-client")
		if ok, err := exist(root, tools.cert, tools.key); ok || err != nil {
			return tools, err
		}
	}
	for _, apiserver := range apiservers {
		client := apiserver.credential("etcd-cafile", "etcd-certfile", "etcd-keyfile")
		if apiserver.err != nil {
			return credential{}, apiserver.err
		}
		if client.ca != (Setting{}) && client.cert != (Setting{}) && client.key != (Setting{}) {
			return client, nil
		}
	}
	return server, nil
}

func (p *program) credential(ca, cert, key string) credential {
	return credential{
		ca:   p.hostPath(p.flag(ca, "")),
		cert: p.hostPath(p.flag(cert, "")),
		key:  p.hostPath(p.flag(key, "")),
	}
}

// beside is the pair called name in the directory of c's certificate.
func (c credential) beside(name string) credential {
	dir := path.Dir(c.cert.Value)
	source := c.cert.Source
	source.Rule = strings.TrimPrefix(source.Rule+", "+name+" beside it", ", ")
	return credential{
		ca:   c.ca,
		cert: Setting{Value: path.Join(dir, name+".crt"), Source: source},
		key:  Setting{Value: path.Join(dir, name+".key"), Source: source},
	}
}

// exist reports whether the host has all the files.
func exist(root fs.FS, files ...Setting) (bool, error) {
	for _, file := range files {
		name, err := nameInRoot(file)
		if err != nil {
			return false, err
		}
		if _, err = fs.Stat(root, name); errors.Is(err, fs.ErrNotExist) {
			return false, nil
		} else if err != nil {
			return false, fmt.Errorf("look for etcd client files: %w", advise(err))
		}
	}
	return true, nil
}

// nameInRoot turns a path of the host into the name of a file in its root.
func nameInRoot(file Setting) (string, error) {
	name, absolute := strings.CutPrefix(file.Value, "/")
	if !absolute || !fs.ValidPath(name) {
		return "", fmt.Errorf("%q (%s) is not an absolute path of the node: correct it", file.Value, file.Source)
	}
	return name, nil
}
