package kubeadm_test

import (
	"bytes"
	"io/fs"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/clustersnap/clustersnap/kubeadm"
)

func TestFiles(t *testing.T) {
	bare := []string{"etc/kubernetes/pki", manifestDir}
	for name, tt := range map[string]struct {
		root fs.FS
		want []string
	}{
		"bare": {node(t, "v1.37"), bare},
		"some optional": {
			node(t, "v1.37", "etc/kubernetes/admin.conf", "etc/kubernetes/mine.conf", "var/lib/kubelet/pki/kubelet.crt"),
			append(slices.Clone(bare), "etc/kubernetes/admin.conf", "var/lib/kubelet/pki"),
		},
		// Left to whoever collects: it is there for all we know.
		"optional but unreadable": {
			unreadable{node(t, "v1.37"), "etc/kubernetes/admin.conf"},
			append(slices.Clone(bare), "etc/kubernetes/admin.conf"),
		},
		"other certificates directory": {movedCertificates(t), []string{"var/lib/minikube/certs", manifestDir}},
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

// movedCertificates is a node as minikube has kubeadm make it.
func movedCertificates(t *testing.T) fs.FS {
	root := node(t, "v1.37")
	for name, file := range root {
		root[name] = &fstest.MapFile{Data: bytes.ReplaceAll(file.Data, []byte("/etc/kubernetes/pki"), []byte("/var/lib/minikube/certs")), Mode: 0o600}
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
