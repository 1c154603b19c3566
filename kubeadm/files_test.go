package kubeadm_test

import (
	"bytes"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/clustersnap/clustersnap/kubeadm"
)

func TestFiles(t *testing.T) {
	// What the flags of testdata/v1.37 name lies below the certificates directory or is a kubeconfig.
	for name, tt := range map[string]struct {
		root fs.FS
		want []string
	}{
		"usual": {
			node(t, "v1.37", "etc/kubernetes/pki/ca.crt", "etc/kubernetes/admin.conf", "etc/kubernetes/mine.conf", "var/lib/kubelet/pki/kubelet.crt"),
			[]string{"etc/kubernetes/admin.conf", manifestDir, "etc/kubernetes/pki", "var/lib/kubelet/pki"},
		},
		// Left to whoever collects: it is there for all we know.
		"unreadable": {
			unreadable{node(t, "v1.37", "etc/kubernetes/pki/ca.crt"), "etc/kubernetes/admin.conf"},
			[]string{"etc/kubernetes/admin.conf", manifestDir, "etc/kubernetes/pki"},
		},
		"other certificates directory": {
			changed(t, "/etc/kubernetes/pki", "/var/lib/minikube/certs", "var/lib/minikube/certs/ca.crt", "var/lib/minikube/certs/sa.key", "var/lib/minikube/certs/etcd/ca.crt"),
			[]string{manifestDir, "var/lib/minikube/certs"},
		},
		"etcd's certificates elsewhere": {
			node(t, "moved", "etc/kubernetes/pki/ca.crt", "etc/ssl/private.key"),
			[]string{manifestDir, "etc/kubernetes/pki", "etc/ssl/etcd/ca.pem"},
		},
		"encryption at rest": {
			changed(t, "--secure-port=6443", "--encryption-provider-config=/etc/kubernetes/pki/../pki/enc.yaml", "etc/kubernetes/pki/ca.crt"),
			[]string{manifestDir, "etc/kubernetes/pki"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			node, err := kubeadm.Read(tt.root, kubeadm.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(node.Files, tt.want) {
				t.Errorf("got %q\nwant %q", node.Files, tt.want)
			}
		})
	}
}

// A KMS plugin and a load balancer are part of what a restored node needs to come up.
func TestFilesOfOtherPods(t *testing.T) {
	root := node(t, "v1.37", "etc/kubernetes/pki/ca.crt", "etc/kms/config.yaml", "etc/kms/credentials/token", "etc/haproxy/haproxy.cfg",
		"run/kms/socket-is-made-here", "var/log/kms/log", "etc/rw/state", "etc/systemd/system/kubelet.service.d/10-kubeadm.conf", "etc/default/kubelet")
	root[manifestDir+"/kms.yaml"] = &fstest.MapFile{Data: []byte(`
apiVersion: v1
kind: Pod
metadata: {name: kms}
spec:
  containers:
  - name: plugin
    image: kms:v1
    command: [/bin/kms-plugin, --config=/conf/config.yaml]
    volumeMounts:
    - {name: conf, mountPath: /conf, readOnly: true}
    - {name: conf, mountPath: /token, subPath: credentials/token}
    - {name: run, mountPath: /run/kms}
    - {name: rw, mountPath: /rw}
    - {name: log, mountPath: /log, readOnly: true}
    - {name: large, mountPath: /large, readOnly: true}
    - {name: model, mountPath: /model}
    - {name: opt, mountPath: /opt, readOnly: true}
    - {name: gone, mountPath: /gone}
    - {name: memory, mountPath: /memory}
  - name: proxy
    image: haproxy:3
    volumeMounts: [{name: proxy, mountPath: /usr/local/etc/haproxy/haproxy.cfg}]
  volumes:
  - {name: conf, hostPath: {path: /etc/kms}}
  - {name: run, hostPath: {path: /run/kms}}
  - {name: rw, hostPath: {path: /etc/rw}}
  - {name: log, hostPath: {path: /var/log/kms}}
  - {name: gone, hostPath: {path: /etc/gone}}
  - {name: large, hostPath: {path: /etc/selinux}}
  - {name: model, hostPath: {path: /var/model}}
  - {name: opt, hostPath: {path: /opt/kms}}
  - {name: memory, emptyDir: {}}
  - {name: proxy, hostPath: {path: /etc/haproxy/haproxy.cfg, type: File}}
`)}
	root["etc/selinux/policy"] = &fstest.MapFile{Data: make([]byte, 1<<20+1)}
	root["var/model"] = root["etc/selinux/policy"]
	root["opt/kms/key"] = &fstest.MapFile{Data: []byte("key")}
	read, err := kubeadm.Read(root, kubeadm.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if warnings := strings.Join(read.Warnings, "\n"); strings.Count(warnings, "leaves out") != 2 ||
		!strings.Contains(warnings, "mountPath /large is /etc/selinux, which") || !strings.Contains(warnings, "mountPath /model is /var/model, which") {
		t.Errorf("warnings\n%s", warnings)
	}
	want := []string{
		"etc/default/kubelet", "etc/haproxy/haproxy.cfg", "etc/kms", manifestDir, "etc/kubernetes/pki", "etc/systemd/system/kubelet.service.d",
		"opt/kms",
	}
	if !slices.Equal(read.Files, want) {
		t.Errorf("got %q\nwant %q", read.Files, want)
	}
	plugin, proxy := read.Programs[len(read.Programs)-2], read.Programs[len(read.Programs)-1]
	if plugin.Name != "kms-plugin" || len(plugin.Files) != 3 || plugin.Files[1].Value != "/etc/kms/credentials/token" ||
		plugin.Files[1].Source.Key != "mountPath /token" || len(plugin.Mounts) != 10 || plugin.Mounts[9].OnNode != "" || plugin.Mounts[0] != (kubeadm.Mount{Path: "/conf", OnNode: "/etc/kms"}) {
		t.Errorf("the plugin is %+v", plugin)
	}
	if proxy.Name != "proxy" || proxy.Image.Value != "haproxy:3" || len(proxy.Files) != 1 {
		t.Errorf("the proxy is %+v", proxy)
	}
	for _, p := range read.Programs[:len(read.Programs)-2] {
		if len(p.Mounts) == 0 || p.Name == "kms-plugin" {
			t.Errorf("%s is %+v", p.Name, p)
		}
	}
}

// Whatever way a file is named, it is in the list; and what is no file to read is not.
func TestNamedFiles(t *testing.T) {
	const pki = "/etc/kubernetes/pki/"
	for flag, want := range map[string][]string{
		"--encryption-provider-config=" + pki + "enc.yaml":                          {"enc.yaml"},
		"--tls-sni-cert-key=" + pki + "a.crt," + pki + "a.key:*.a.com,a.com":        {"a.crt", "a.key"},
		"--runtime-config=api/all=true":                                             nil,
		"--log-file=/var/log/apiserver.log":                                         nil,
		"--audit-log-path=/var/log/audit.log":                                       nil,
		"--cloud-config=":                                                           nil,
		"--service-account-key-file=" + pki + "old.pub":                             {"old.pub"},
		"--authentication-token-webhook-config-file=" + pki + "../pki/webhook.conf": {"webhook.conf"},
	} {
		// Without the directory itself, which would cover them all.
		node, err := kubeadm.Read(changed(t, "--secure-port=6443", flag), kubeadm.Options{})
		if err != nil {
			t.Errorf("%s: %v", flag, err)
			continue
		}
		base, err := kubeadm.Read(changed(t, "--secure-port=6443", "--secure-port=6444"), kubeadm.Options{})
		if err != nil {
			t.Fatal(err)
		}
		var more []string
		for _, file := range node.Files {
			if !slices.Contains(base.Files, file) {
				more = append(more, path.Base(file))
			}
		}
		if !slices.Equal(more, want) {
			t.Errorf("%s: %q more, want %q", flag, more, want)
		}
	}
}

func TestNamedByVariable(t *testing.T) {
	root := changed(t, "    - --key-file=/etc/kubernetes/pki/etcd/server.key\n", "")
	etcd := root.(fstest.MapFS)[manifestDir+"/etcd.yaml"]
	etcd.Data = bytes.Replace(etcd.Data, []byte("    image:"), []byte("    env:\n    - name: ETCD_KEY_FILE\n      value: /etc/kubernetes/pki/etcd/by-variable.key\n    image:"), 1)
	node, err := kubeadm.Read(root, kubeadm.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(node.Files, "etc/kubernetes/pki/etcd/by-variable.key") {
		t.Errorf("files %q lack what ETCD_KEY_FILE names", node.Files)
	}
}

func TestFilesThatCannotBeKnown(t *testing.T) {
	for name, root := range map[string]fs.FS{
		"variable": changed(t, "--secure-port=6443", "--encryption-provider-config=$(ENC)"),
		"shell":    changed(t, "    - kube-apiserver\n", "    - /bin/sh\n    - -c\n    - exec kube-apiserver $FLAGS\n"),
	} {
		if _, err := kubeadm.Read(root, kubeadm.Options{}); !errors.Is(err, kubeadm.ErrDynamicCommand) {
			t.Errorf("%s: %v, want ErrDynamicCommand", name, err)
		}
	}
	var missing *kubeadm.PathNotOnHostError
	if _, err := kubeadm.Read(changed(t, "--secure-port=6443", "--encryption-provider-config=pki/enc.yaml"), kubeadm.Options{}); !errors.As(err, &missing) {
		t.Errorf("a relative path: %v, want PathNotOnHostError", err)
	}
}

// A file that is lost with its container is no part of a backup, and no backup is whole without it.
func TestNamedFileIsNotOnHost(t *testing.T) {
	root := changed(t, "--secure-port=6443", "--encryption-provider-config=/opt/enc.yaml")
	var missing *kubeadm.PathNotOnHostError
	if _, err := kubeadm.Read(root, kubeadm.Options{}); !errors.As(err, &missing) || missing.Path != "/opt/enc.yaml" {
		t.Errorf("got %v, want PathNotOnHostError for /opt/enc.yaml", err)
	}
}

// changed is a node whose manifests say something else.
func changed(t *testing.T, from, to string, files ...string) fs.FS {
	t.Helper()
	root, found := node(t, "v1.37", files...), false
	for name, file := range root {
		found = found || bytes.Contains(file.Data, []byte(from))
		root[name] = &fstest.MapFile{Data: bytes.ReplaceAll(file.Data, []byte(from), []byte(to)), Mode: 0o600}
	}
	if !found {
		t.Fatalf("no manifest says %s", from)
	}
	return root
}

// unreadable denies all knowledge of one file.
type unreadable struct {
	fstest.MapFS
	name string
}

func (u unreadable) Stat(name string) (fs.FileInfo, error) {
	if name == u.name {
		return nil, &fs.PathError{Op: "stat", Path: name, Err: fs.ErrPermission}
	}
	return u.MapFS.Stat(name)
}
