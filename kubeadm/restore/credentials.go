package restore

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// view is the node's files as they are, or as they will be.
type view struct {
	root  string
	fresh map[string]string // where a file lies until it is in its place, by its path on the node
}

func (m *machine) now() view { return view{root: m.at.root} }

// after is the view once changes are in their places.
func (m *machine) after(changes []change) view {
	v := view{m.at.root, map[string]string{}}
	for _, c := range changes {
		v.fresh[c.Path] = c.fresh(m.plan, m.at)
	}
	return v
}

// path is where a file of the node's is to be read.
func (v view) path(name string) string {
	if fresh := v.fresh[name]; fresh != "" {
		return fresh
	}
	return filepath.Join(v.root, name)
}

// read reads a file of the node's; nil is none.
func (v view) read(name string) ([]byte, error) {
	f, err := os.Open(v.path(name))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxFile))
}

// getsIn sees that the programs will find certificates with which they serve and are let in, and that their answers can be
// asked for: what is wrong here would be found when the old cluster has stopped.
func (m *machine) getsIn(v view) error {
	for _, one := range needed() {
		if err := m.serves(v, one); err != nil {
			return fmt.Errorf("%s would not serve: %w", one.cert.program, err)
		}
	}
	if !m.plan.has(apiServer) {
		return nil
	}
	if _, err := m.adminConf(v); err != nil {
		return err
	}
	for _, name := range []string{controllerManager, scheduler} {
		for _, conf := range m.plan.files(flagOf{name, "kubeconfig"}) {
			if err := m.letsIn(v, conf); err != nil {
				return fmt.Errorf("%s would not be let in: /%s %w", name, conf, err)
			}
		}
	}
	return nil
}

// serves judges one certificate that is needed. What is none is the program's to judge.
func (m *machine) serves(v view, one certificate) error {
	for _, name := range m.plan.files(one.cert) {
		chain, err := v.certificates(name)
		if err != nil {
			return err
		}
		if len(chain) == 0 {
			continue
		}
		if err := inTime(chain[0], m.host.Now()); err != nil {
			return fmt.Errorf("/%s %w", name, err)
		}
		for _, ca := range m.plan.files(one.ca) {
			if err := m.signed(v, chain, ca); err != nil {
				return fmt.Errorf("/%s %w", name, err)
			}
		}
	}
	return nil
}

// adminConf is the file to get in with: the first that kube-apiserver will take.
func (m *machine) adminConf(v view) (path string, err error) {
	var why []error
	for _, name := range []string{superAdminConf, adminConf} {
		name = filepath.ToSlash(filepath.Join(confDir, name))
		err := m.usable(v, name)
		if err == nil {
			return v.path(name), nil
		}
		why = append(why, fmt.Errorf("/%s %w", name, err))
	}
	return "", fmt.Errorf("nothing could be asked of kube-apiserver: %w, and %w", why[0], why[1])
}

// usable is why nothing can be asked of kube-apiserver with a kubeconfig.
func (m *machine) usable(v view, name string) error {
	if err := m.letsIn(v, name); err != nil {
		return err
	}
	text, err := v.read(name)
	defer clear(text)
	if err != nil {
		return err
	}
	if _, err := clientcmd.RESTConfigFromKubeConfig(text); err != nil {
		return errNoKubeconfig
	}
	return nil
}

var errNoKubeconfig = errors.New("is no kubeconfig that can be read")

// letsIn is why a kubeconfig and kube-apiserver would not take each other, by their certificates.
func (m *machine) letsIn(v view, name string) error {
	text, err := v.read(name)
	defer clear(text)
	if err != nil {
		return err
	}
	if text == nil {
		return errors.New("is neither on the node nor in the source")
	}
	cluster, user, err := current(text)
	if err != nil {
		return err
	}
	chain, err := certificatesOf(user.ClientCertificateData)
	if err != nil {
		return errors.New("has a certificate that can't be read")
	}
	if len(chain) > 0 { // else it gets in by something else, or with a file that is rotated
		if err := inTime(chain[0], m.host.Now()); err != nil {
			return err
		}
		for _, ca := range m.plan.files(flagOf{apiServer, "client-ca-file"}) {
			if err := m.signed(v, chain, ca); err != nil {
				return err
			}
		}
	}
	return m.trusts(v, cluster)
}

// trusts is why a kubeconfig would not take the certificate of kube-apiserver. Where that has several, which one it shows
// depends on how it is called.
func (m *machine) trusts(v view, cluster *clientcmdapi.Cluster) error {
	roots, err := certificatesOf(cluster.CertificateAuthorityData)
	if err != nil || len(roots) == 0 || cluster.InsecureSkipTLSVerify || m.plan.files(flagOf{apiServer, "tls-sni-cert-key"}) != nil {
		return nil
	}
	for _, name := range m.plan.files(flagOf{apiServer, "tls-cert-file"}) {
		chain, err := v.certificates(name)
		if err != nil {
			return err
		}
		if len(chain) > 0 && verify(chain, roots, m.host.Now()) != nil {
			return fmt.Errorf("has another CA than that of /%s", name)
		}
	}
	return nil
}

// current is where a kubeconfig leads, and as whom. The files that it names need not be there, as the programs see others than
// this one does.
func current(text []byte) (*clientcmdapi.Cluster, *clientcmdapi.AuthInfo, error) {
	config, err := clientcmd.Load(text)
	if err != nil {
		return nil, nil, errNoKubeconfig // the cause may show what stands there
	}
	context := config.Contexts[config.CurrentContext]
	if context == nil || config.Clusters[context.Cluster] == nil || config.AuthInfos[context.AuthInfo] == nil {
		return nil, nil, errNoKubeconfig
	}
	return config.Clusters[context.Cluster], config.AuthInfos[context.AuthInfo], nil
}
