package snapshots

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/clustersnap/clustersnap/etcdsnap"
	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/internal/e2e/etcdbed"
)

func TestMain(m *testing.M) { command.Main(m) }

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
