//go:build unix

package kubeadm_test

import (
	"errors"
	"io/fs"
	"os"
	"testing"

	"github.com/clustersnap/clustersnap/kubeadm"
)

func TestNodeFSFollowsLinksAsTheNodeDoes(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, node(t, "v1.37")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(dir+"/etc/kubernetes", dir+"/kubernetes"); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/kubernetes", dir+"/etc/kubernetes"); err != nil {
		t.Fatal(err)
	}
	got, err := kubeadm.Read(kubeadm.NodeFS(dir), kubeadm.Options{})
	if err != nil || got.Etcd.Name.Value != "cp-1" {
		t.Errorf("read a node whose /etc/kubernetes is a link to /kubernetes: %v, %v", got, err)
	}
	if _, err := kubeadm.Read(os.DirFS(dir), kubeadm.Options{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("os.DirFS resolves the link too (%v), so this test shows nothing", err)
	}
}
