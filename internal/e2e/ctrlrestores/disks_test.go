package ctrlrestores

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/clustersnap/clustersnap/kubeadm"
	"github.com/clustersnap/clustersnap/kubeadm/restore"
)

// stoppedNode is one of kubeadm's whose programs do not run, and will not, and a plan for it.
func stoppedNode(t *testing.T, root string) *restore.Plan {
	t.Helper()
	dir := filepath.Join(root, "etc/kubernetes/manifests")
	must(t, os.MkdirAll(dir, 0o700))
	own := strings.NewReplacer("10.0.0.11", "127.0.0.1", "2379", "61379", "2380", "61380")
	for _, name := range []string{"etcd.yaml", "kube-apiserver.yaml"} {
		text, err := os.ReadFile(filepath.Join("../../../kubeadm/testdata/v1.37", name))
		must(t, err)
		must(t, os.WriteFile(filepath.Join(dir, name), []byte(own.Replace(string(text))), 0o600))
	}
	must(t, os.WriteFile(filepath.Join(root, "etc/kubernetes/admin.conf"), []byte(`{"kind":"Config","current-context":"c",`+
		`"clusters":[{"name":"c","cluster":{"server":"https://127.0.0.1:1"}}],`+
		`"contexts":[{"name":"c","context":{"cluster":"c","user":"u"}}],"users":[{"name":"u","user":{"username":"u"}}]}`), 0o600))
	member(t, filepath.Join(root, "var/lib/etcd"), "old")
	node, err := kubeadm.Read(kubeadm.NodeFS(root), kubeadm.Options{})
	must(t, err)
	return restore.New(node, time.Now(), restore.PlanOptions{Alone: true})
}

// member makes what looks like one to a restore that ends before etcd starts.
func member(t *testing.T, dir, text string) {
	t.Helper()
	for _, name := range []string{"member/snap/db", "member/wal/0.wal"} {
		must(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700))
		must(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
}

// A restore that fills the file system of its journal is taken back nevertheless.
func TestFullDisk(t *testing.T) {
	root := t.TempDir()
	lib := filepath.Join(root, "var/lib")
	must(t, os.MkdirAll(lib, 0o700))
	must(t, syscall.Mount("tmpfs", lib, "tmpfs", 0, "size=1m,mode=0700"))
	defer func() { must(t, syscall.Unmount(lib, 0)) }()
	plan := stoppedNode(t, root)
	var full error
	report, err := restore.Run(t.Context(), restore.Host{Root: root, Limit: time.Second}, plan, restore.Source{
		Stage: func(_ context.Context, dir string, _ int64) (restore.Staged, error) {
			full = os.WriteFile(filepath.Join(dir, "filler"), make([]byte, 2<<20), 0o600)
			// A cause of more than one block, so that it is no matter what room the block has that the journal ends in.
			return restore.Staged{}, fmt.Errorf("%w%s", full, strings.Repeat(" ", 8<<10))
		},
	})
	if !errors.Is(full, syscall.ENOSPC) {
		t.Fatalf("the disk is not full: %v", full)
	}
	if !errors.Is(err, restore.ErrRefused) || report.State != "undone" {
		t.Errorf("it is not taken back: %v, %+v", err, report)
	}
	list, err := os.ReadDir(filepath.Join(lib, "etcd"))
	if err != nil || len(list) != 1 || list[0].Name() != "member" {
		t.Errorf("the data directory has %v: %v", list, err)
	}
}

// A manifest that can't be renamed to where it is held is seen before anything was done.
func TestManifestsAreMounted(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "etc/kubernetes/manifests")
	must(t, os.MkdirAll(dir, 0o700))
	must(t, syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m,mode=0700"))
	defer func() { must(t, syscall.Unmount(dir, 0)) }()
	stage := func(context.Context, string, int64) (restore.Staged, error) { return restore.Staged{}, nil }
	_, err := restore.Run(t.Context(), restore.Host{Root: root}, stoppedNode(t, root), restore.Source{Stage: stage})
	if !errors.Is(err, restore.ErrRefused) || !strings.Contains(err.Error(), "is a file system of its own") {
		t.Errorf("the error is %v", err)
	}
}

// A data directory whose file system is not there after a power cut is not taken for one without old data.
func TestMountPointIsLost(t *testing.T) {
	root, disk := t.TempDir(), t.TempDir()
	data := filepath.Join(root, "var/lib/etcd")
	must(t, os.MkdirAll(data, 0o700))
	mount := func() { t.Helper(); must(t, syscall.Mount(disk, data, "", syscall.MS_BIND, "")) }
	mount()
	defer func() { must(t, syscall.Unmount(data, 0)) }()
	plan := stoppedNode(t, root)
	ctx, cut := context.WithCancel(t.Context())
	host := restore.Host{Root: root, Limit: 100 * time.Millisecond}
	cutting := host
	cutting.Changed = func(what string) {
		if what == "journal: etcd began" {
			cut()
			must(t, syscall.Unmount(data, 0))
		}
	}
	src := restore.Source{Stage: func(_ context.Context, dir string, _ int64) (restore.Staged, error) {
		member(t, dir, "new")
		return restore.Staged{Revision: 5, Keys: 3, ClusterID: "a", ClusterUID: "u"}, nil
	}}
	lost := func(err error) {
		t.Helper()
		if err == nil || !strings.HasSuffix(err.Error(), "is its file system mounted?") {
			t.Errorf("the error is %v", err)
		}
		if list, err := os.ReadDir(data); err != nil || len(list) > 0 {
			t.Errorf("below the mount point there is %v: %v", list, err)
		}
	}
	_, err := restore.Run(ctx, cutting, plan, src)
	lost(err)
	_, err = restore.Run(t.Context(), host, plan, src)
	lost(err)
	_, err = restore.Rollback(t.Context(), host, "/var/lib/etcd", restore.RollbackOptions{})
	lost(err)
	mount()
	_, err = restore.Rollback(t.Context(), host, "/var/lib/etcd", restore.RollbackOptions{})
	must(t, err)
	if text, err := os.ReadFile(filepath.Join(data, "member/snap/db")); string(text) != "old" {
		t.Errorf("the old data is %q: %v", text, err)
	}
}
