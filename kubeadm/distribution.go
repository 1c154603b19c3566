package kubeadm

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// distribution is how an installer lays a control plane out. One that is not kubeadm's shows by a file.
type distribution struct {
	name        string
	marks       []string // files, of which one is there
	manifestDir string   // empty if there are no static pods
	// inManifests says that it uses kubeadm's directory of manifests, too.
	inManifests bool
	// configFile and envFile are of an etcd that no static pod runs.
	configFile, envFile string
	// credentials are client pairs for etcd, the best first.
	credentials []pairFiles
	// files are what else belongs into a backup.
	files []string
	// instead says what to do where this package can't help.
	instead string
}

// pairFiles are a CA, a certificate and a key.
type pairFiles struct{ ca, cert, key string }

// DistributionError means that another installer has set the node up, in a way that this package does not read.
type DistributionError struct {
	Distribution string
	// Mark is the file by which it was known, relative to the node's root, and Instead what to use.
	Mark, Instead string
}

func (e *DistributionError) Error() string {
	return fmt.Sprintf("this is a node of %s (%s is there), whose etcd can't be found here: %s", e.Distribution, e.Mark, e.Instead)
}

// distributions are looked for in this order. Those but kubeadm are built from their documents and sources: none of them runs in the
// tests.
var distributions = []*distribution{rke2, k3s, k3sSQLite, k3sDatabase, kubespray, kops, openShift, talos, microK8s}

var kubeadmNode = &distribution{name: "kubeadm", manifestDir: manifestDir}

// detect finds out whose node it is.
func detect(root fs.FS, opts Options) (*distribution, error) {
	for _, d := range distributions {
		for _, mark := range d.marks {
			_, err := fs.Stat(root, mark)
			if errors.Is(err, fs.ErrPermission) {
				return nil, advise(err)
			}
			if err != nil {
				continue
			}
			if left, ok := kubeadmManifest(root); ok && !d.inManifests {
				if opts.ManifestDir != "" {
					return kubeadmNode, nil
				}
				return nil, fmt.Errorf("%w installer: %s is of %s, and %s of kubeadm: remove what is left over, or give the directory of manifests", ErrAmbiguous, mark, d.name, left)
			}
			if d.instead != "" {
				return nil, &DistributionError{d.name, mark, d.instead}
			}
			return d.withHost(root)
		}
	}
	return kubeadmNode, nil
}

// kubeadmManifest is one that kubeadm has written.
func kubeadmManifest(root fs.FS) (string, bool) {
	for _, name := range []string{"etcd.yaml", "kube-apiserver.yaml"} {
		if _, err := fs.Stat(root, manifestDir+"/"+name); err == nil {
			return manifestDir + "/" + name, true
		}
	}
	return "", false
}

// withHost fills in what is named for the host.
func (d *distribution) withHost(root fs.FS) (*distribution, error) {
	if !slices.ContainsFunc(d.credentials, func(f pairFiles) bool { return strings.Contains(f.cert, "HOST") }) {
		return d, nil
	}
	named := *d
	name, err := readBounded(root, "etc/hostname")
	if errors.Is(err, fs.ErrNotExist) {
		named.credentials = nil // the member's own pair is left
		return &named, nil
	}
	if err != nil {
		return nil, fmt.Errorf("find the host's name, by which %s calls certificates: %w", d.name, err)
	}
	named.credentials = slices.Clone(d.credentials)
	for i, f := range named.credentials {
		host := strings.TrimSpace(string(name))
		named.credentials[i] = pairFiles{f.ca, strings.ReplaceAll(f.cert, "HOST", host), strings.ReplaceAll(f.key, "HOST", host)}
	}
	return &named, nil
}

// findEtcd returns the one program that is etcd, or nil if kube-apiserver uses one elsewhere.
func (d *distribution) findEtcd(root fs.FS, pods []staticPod, apiserver bool) (*program, error) {
	if d.envFile != "" {
		return readEnvFile(root, d.envFile)
	}
	etcd, err := findEtcd(pods, apiserver || d.configFile != "")
	if err != nil {
		return nil, err
	}
	switch {
	case etcd != nil:
		err = etcd.useConfigFile(root)
	case d.configFile != "":
		etcd = new(program)
		err = etcd.readConfigFile(root, d.configFile)
	}
	return etcd, err
}

// readEnvFile reads what systemd gives a process as its environment (systemd.exec(5), EnvironmentFile).
func readEnvFile(root fs.FS, name string) (*program, error) {
	data, err := readBounded(root, name)
	if err != nil {
		return nil, err
	}
	p := &program{file: name, envPrefix: "ETCD_"}
	for line := range bytes.Lines(data) {
		text := strings.TrimSpace(string(line))
		key, value, ok := strings.Cut(text, "=")
		if !ok || strings.HasPrefix(text, "#") || strings.HasPrefix(text, ";") {
			continue
		}
		value = strings.TrimSpace(value)
		if n := len(value); n > 1 && (value[0] == '"' || value[0] == '\'') && value[n-1] == value[0] {
			value = value[1 : n-1]
		}
		p.env = append(p.env, corev1.EnvVar{Name: strings.TrimSpace(key), Value: value})
	}
	return p, nil
}

// pairs are d's credentials, with where they are known from.
func pairs(list []pairFiles, distribution string) []Credential {
	var found []Credential
	for _, f := range list {
		set := func(name string) Setting {
			return Setting{Value: "/" + name, Source: Source{File: path.Dir(name), Key: path.Base(name), Rule: distribution + " puts it there"}}
		}
		found = append(found, Credential{CA: set(f.ca), Cert: set(f.cert), Key: set(f.key)})
	}
	return found
}
