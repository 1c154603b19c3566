package snapshots

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/clustersnap/clustersnap/etcdsnap"
	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/internal/e2e/etcdbed"
	"github.com/clustersnap/clustersnap/internal/e2e/peers"
)

func TestMain(m *testing.M) { command.Main(m) }

// etcds are the servers of each minor version that is supported.
var etcds = map[string]peers.Program{"3.5": peers.Etcd35, "3.6": peers.Etcd36, "3.7": peers.Etcd37}

// save saves from all endpoints of client to a new file.
func save(t testing.TB, client *clientv3.Client, opts etcdsnap.Options) (string, *etcdsnap.Saved) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "etcd.snap")
	saved, err := etcdsnap.SaveFile(t.Context(), path, client, opts)
	if err != nil {
		t.Fatal(err)
	}
	return path, saved
}

// open opens a snapshot file, which the test closes.
func open(t testing.TB, path string) *etcdsnap.Snapshot {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	s, err := etcdsnap.Open(f, info.Size())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// sameHash holds a snapshot against a live member: HashKV at the snapshot's revision.
func sameHash(t testing.TB, path string, m *etcdbed.Member) {
	t.Helper()
	s := open(t, path)
	want, compacted := m.HashKV(t, s.Revision())
	got, err := s.HashKV(context.Background(), s.Revision(), compacted)
	if err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Errorf("HashKV at revision %d, compacted up to %d: %d in the snapshot, %d at %s", s.Revision(), compacted, got, want, m.Name)
	}
}

// empty holds that nothing is in dir, hidden files included.
func empty(t testing.TB, dir string) {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		t.Errorf("left behind in %s: %s", dir, e.Name())
	}
}

// stock runs a stock program and gives what it printed.
func stock(t testing.TB, p peers.Program, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(p.Path(t), args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v %s: %v\n%s", p, strings.Join(args, " "), err, &stderr)
	}
	return out
}
