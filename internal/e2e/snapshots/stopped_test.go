package snapshots

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/clustersnap/clustersnap/etcdsnap"
	"github.com/clustersnap/clustersnap/internal/e2e/etcdbed"
)

// A member that was killed under load is saved from its directory: what it had put into its database. Started again it
// has at least that, and the same.
func TestStopped(t *testing.T) {
	for version, etcd := range etcdbed.Versions() {
		t.Run("etcd "+version, func(t *testing.T) {
			c := etcdbed.Start(t, etcdbed.Options{Etcd: etcd})
			m := c.Members[0]
			if _, err := etcdsnap.SaveStopped(t.Context(), new(bytes.Buffer), m.DataDir, etcdsnap.StoppedOptions{}); !errors.Is(err, etcdsnap.ErrInUse) {
				t.Errorf("of a member that runs: %v, want ErrInUse", err)
			}
			load := c.Load(t, etcdbed.LoadOptions{})
			load.Await(3000)
			m.Kill(t)
			load.Stop()

			before, err := os.ReadFile(m.DB())
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), "etcd.snap")
			f, err := os.Create(path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			stopped, err := etcdsnap.SaveStopped(t.Context(), f, m.DataDir, etcdsnap.StoppedOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if after, _ := os.ReadFile(m.DB()); !bytes.Equal(before, after) {
				t.Error("the member's database is not as it was")
			}
			likeEtcdutl(t, path, stopped.Info)
			most, err := etcdsnap.LastRevision(m.DataDir, etcdsnap.StoppedOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if most != stopped.Content.Revision+int64(stopped.Behind) {
				t.Errorf("the last revision is at most %d, and the database at %d with %d entries behind it", most, stopped.Content.Revision, stopped.Behind)
			}
			if stopped.LogIndex < 1000 || stopped.LogIndex != stopped.Content.ConsistentIndex+stopped.Behind || stopped.Committed > stopped.LogIndex {
				t.Errorf("the log ends at %d, %d of it committed, the data at %d, %d behind",
					stopped.LogIndex, stopped.Committed, stopped.Content.ConsistentIndex, stopped.Behind)
			}

			m.Restart(t)
			client := c.Client(t)
			status, err := client.Status(t.Context(), m.Endpoint)
			if err != nil {
				t.Fatal(err)
			}
			if got := status.Header.Revision; got < stopped.Content.Revision || stopped.Behind > 0 && got == stopped.Content.Revision {
				t.Errorf("etcd starts at revision %d, the snapshot has %d and says that %d entries are missing", got, stopped.Content.Revision, stopped.Behind)
			}
			if status.Header.Revision > most {
				t.Errorf("etcd starts at revision %d, above %d", status.Header.Revision, most)
			}
			if _, err := etcdsnap.LastRevision(m.DataDir, etcdsnap.StoppedOptions{}); !errors.Is(err, etcdsnap.ErrInUse) {
				t.Errorf("the last revision of a member that runs: %v, want ErrInUse", err)
			}
			sameHash(t, path, m)
		})
	}
}

func TestStoppedDamaged(t *testing.T) {
	c := etcdbed.Start(t, etcdbed.Options{})
	load := c.Load(t, etcdbed.LoadOptions{})
	load.Await(500)
	load.Stop()
	m := c.Members[0]
	m.Stop(t)
	for name, damage := range map[string]struct {
		do   func(dir string) error
		says string
	}{
		"no database": {func(dir string) error { return os.Remove(filepath.Join(dir, "member/snap/db")) }, "no such file"},
		"cut":         {func(dir string) error { return os.Truncate(filepath.Join(dir, "member/snap/db"), 3*4096) }, "ends after"},
		"no log":      {func(dir string) error { return os.RemoveAll(filepath.Join(dir, "member/wal")) }, "wal"},
		"no member":   {func(dir string) error { return os.RemoveAll(filepath.Join(dir, "member")) }, "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "etcd")
			copyDir(t, m.DataDir, dir)
			if err := damage.do(dir); err != nil {
				t.Fatal(err)
			}
			_, err := etcdsnap.SaveStopped(t.Context(), new(bytes.Buffer), dir, etcdsnap.StoppedOptions{})
			if err == nil || !strings.Contains(err.Error(), damage.says) || !strings.Contains(err.Error(), dir) {
				t.Errorf("got %v, want %q", err, damage.says)
			}
			_, err = etcdsnap.LastRevision(dir, etcdsnap.StoppedOptions{})
			if err == nil || !strings.Contains(err.Error(), damage.says) || !strings.Contains(err.Error(), dir) {
				t.Errorf("the last revision: got %v, want %q", err, damage.says)
			}
		})
	}
}
