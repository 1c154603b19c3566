package kubeadm_test

import (
	"bytes"
	"errors"
	"io/fs"
	"slices"
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
			node, err := kubeadm.Read(tt.root)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(node.Files, tt.want) {
				t.Errorf("got %q\nwant %q", node.Files, tt.want)
			}
		})
	}
}

// A file that is lost with its container is no part of a backup, and no backup is whole without it.
func TestNamedFileIsNotOnHost(t *testing.T) {
	root := changed(t, "--secure-port=6443", "--encryption-provider-config=/opt/enc.yaml")
	var missing *kubeadm.PathNotOnHostError
	if _, err := kubeadm.Read(root); !errors.As(err, &missing) || missing.Path != "/opt/enc.yaml" {
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
