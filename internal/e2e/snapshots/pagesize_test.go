package snapshots

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/clustersnap/clustersnap/etcdsnap"
	"github.com/clustersnap/clustersnap/internal/e2e/etcdbed"
)

// Machines with pages of 16 and 64 KiB make databases with such pages, and etcd keeps what it finds.
func TestLargePages(t *testing.T) {
	for _, size := range []int{16 << 10, 64 << 10} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			c := etcdbed.Start(t, etcdbed.Options{})
			client, m := c.Client(t), c.Members[0]
			fill(t, client, large)
			m.Stop(t)
			repage(t, m.DB(), size)
			m.Restart(t)
			load := c.Load(t, etcdbed.LoadOptions{})
			load.Await(500)
			defer load.Stop()
			for _, dir := range []string{"", m.DataDir} {
				path, saved := save(t, client, etcdsnap.Options{DataDir: dir})
				if saved.PageSize != size || saved.Local != (dir != "") {
					t.Errorf("pages of %d bytes, local: %v (%s)", saved.PageSize, saved.Local, saved.NotLocal)
				}
				sameHash(t, path, m)
				likeEtcdutl(t, path, saved.Info)
			}
			load.Stop()
			m.Stop(t)
			var b bytes.Buffer
			if stopped, err := etcdsnap.SaveStopped(t.Context(), &b, m.DataDir, etcdsnap.StoppedOptions{}); err != nil || stopped.PageSize != size {
				t.Errorf("of the stopped member: %+v (%v)", stopped, err)
			}
		})
	}
}

// repage writes a database anew with pages of another size.
func repage(t *testing.T, path string, size int) {
	t.Helper()
	src, err := bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(t.TempDir(), "db")
	dst, err := bbolt.Open(other, 0o600, &bbolt.Options{PageSize: size, NoFreelistSync: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := bbolt.Compact(dst, src, 1<<20); err != nil {
		t.Fatal(err)
	}
	for _, db := range []*bbolt.DB{src, dst} {
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(other)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}
