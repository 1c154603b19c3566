package pkibundle_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/clustersnap/clustersnap/pkibundle"
)

// The roles of kubeadm's files follow from their names, those of others from the flags.
func TestRoles(t *testing.T) {
	byName := map[string]string{
		"etc/kubernetes/pki/ca.crt": "cluster-ca-cert", "etc/kubernetes/pki/ca.key": "cluster-ca-key",
		"etc/kubernetes/pki/etcd/ca.crt": "etcd-ca-cert", "etc/kubernetes/pki/etcd/ca.key": "etcd-ca-key",
		"etc/kubernetes/pki/front-proxy-ca.crt": "front-proxy-ca-cert", "etc/kubernetes/pki/front-proxy-ca.key": "front-proxy-ca-key",
		"etc/kubernetes/pki/sa.key": "service-account-key", "etc/kubernetes/pki/sa.pub": "service-account-pub",
		"etc/kubernetes/pki/etcd/healthcheck-client.key": "etcd-healthcheck-client-key",
		"etc/kubernetes/admin.conf":                      "admin-kubeconfig",
		"etc/kubernetes/manifests/web.yaml":              "static-pod",
		"var/lib/kubelet/pki/kubelet-client-2026.pem":    "kubelet-client-pair",
		"var/lib/kubelet/pki/kubelet-server-2026.pem":    "kubelet-server-pair",
		"var/lib/kubelet/config.yaml":                    "kubelet-config",
		"etc/systemd/system/kubelet.service.d/10.conf":   "kubelet-config",
		"etc/kubernetes/other.yaml":                      "other",
	}
	byFlag := map[string]string{
		"srv/k8s/root.pem": "cluster-ca-cert", "srv/k8s/front-proxy-ca.key": "front-proxy-ca-key", // beside the CA that a flag names
		"srv/api.pem": "apiserver-cert", "srv/old.pub": "service-account-pub", "srv/enc.yaml": "encryption-config",
		"srv/etcd.pem": "etcd-server-cert", "srv/cm.conf": "controller-manager-kubeconfig", "srv/audit.yaml": "referenced",
		"srv/hook.conf": "referenced",
	}
	node := fstest.MapFS{}
	for name := range byName {
		node[name] = file("x")
	}
	for name := range byFlag {
		node[name] = file("x")
	}
	node["etc/kubernetes/manifests/web.yaml"] = file("kind: Pod\nspec: {containers: [{command: [web]}]}")
	node["var/lib/kubelet/pki/kubelet-client-current.pem"] = link("kubelet-client-2026.pem")
	byName["var/lib/kubelet/pki/kubelet-client-current.pem"] = "kubelet-client-pair"
	node["srv/pub"] = link("old.pub")
	byFlag["srv/pub"] = "service-account-pub"
	b, err := pkibundle.Collect(node, []string{"etc", "var", "srv"}, []pkibundle.Program{
		{Name: "kube-apiserver", Files: []pkibundle.Reference{
			{Flag: "--client-ca-file", Path: "/srv/k8s/root.pem"}, {Flag: "--tls-cert-file", Path: "/srv/api.pem"},
			{Flag: "--service-account-key-file", Path: "/srv/pub"}, {Flag: "--audit-policy-file", Path: "/srv/audit.yaml"},
			{Flag: "--encryption-provider-config", Path: "/srv/enc.yaml"}, {Flag: "--audit-webhook-config-file", Path: "/srv/hook.conf"},
		}},
		{Name: "etcd", Files: []pkibundle.Reference{{Flag: "ETCD_CERT_FILE", Path: "/srv/etcd.pem"}}},
		{Name: "kube-controller-manager", Files: []pkibundle.Reference{{Flag: "--kubeconfig", Path: "/srv/cm.conf"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := maps.Clone(byName)
	maps.Copy(want, byFlag)
	for _, f := range b.Files {
		if f.Role != want[f.Path] {
			t.Errorf("%s has the role %q, want %q", f.Path, f.Role, want[f.Path])
		}
		delete(want, f.Path)
	}
	if len(want) > 0 {
		t.Errorf("not collected: %s", strings.Join(slices.Sorted(maps.Keys(want)), ", "))
	}
	if found := b.With("service-account-pub"); len(found) != 3 || found[0].Path != "etc/kubernetes/pki/sa.pub" {
		t.Errorf("files of service-account-pub are %v", found)
	}
}

func TestShared(t *testing.T) {
	node := fstest.MapFS{}
	for _, name := range []string{
		"ca.crt", "ca.key", "etcd/ca.crt", "etcd/ca.key", "etcd/server.crt", "front-proxy-ca.crt", "front-proxy-ca.key", "sa.key", "sa.pub",
		"apiserver.crt", "apiserver-etcd-client.crt", "apiserver-etcd-client.key",
	} {
		node["etc/kubernetes/pki/"+name] = file(name)
	}
	paths := func(b *pkibundle.Bundle) (found string) {
		for _, f := range b.Files {
			found += strings.TrimPrefix(f.Path, "etc/kubernetes/pki/") + " "
		}
		for _, d := range b.Directories {
			found += d.Path + " "
		}
		return found
	}
	shared := func() (*pkibundle.Bundle, error) {
		t.Helper()
		b, err := pkibundle.Collect(node, []string{"etc/kubernetes"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return b.Shared()
	}
	s, err := shared()
	const dirs = "etc etc/kubernetes etc/kubernetes/pki "
	if want := "ca.crt ca.key etcd/ca.crt etcd/ca.key front-proxy-ca.crt front-proxy-ca.key sa.key sa.pub " + dirs + "etc/kubernetes/pki/etcd "; err != nil || paths(s) != want {
		t.Errorf("shared files %q, want %q, %v", paths(s), want, err)
	}
	delete(node, "etc/kubernetes/pki/sa.key")
	delete(node, "etc/kubernetes/pki/etcd/ca.key")
	if _, err := shared(); err == nil || err.Error() != "shared files: the bundle has no etcd-ca-key, service-account-key: collect a whole control-plane node" {
		t.Errorf("error %v", err)
	}
	node["etc/kubernetes/pki/sa.key"] = file("sa")
	delete(node, "etc/kubernetes/pki/etcd/server.crt") // etcd is elsewhere
	s, err = shared()
	if err != nil || !strings.Contains(paths(s), "apiserver-etcd-client.crt apiserver-etcd-client.key ca.crt") || strings.Contains(paths(s), "etcd/ca.key") {
		t.Errorf("shared files with an external etcd %v, %v", s, err)
	}
}
