package snapshots

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/clustersnap/clustersnap/etcdsnap"
	"github.com/clustersnap/clustersnap/internal/e2e/datamaker"
	"github.com/clustersnap/clustersnap/internal/e2e/etcdbed"
	"github.com/clustersnap/clustersnap/internal/e2e/faults"
)

// large is more than what a copy from the member's file is worth from.
const large = 96 << 20

func fill(t testing.TB, client *clientv3.Client, size int64) {
	t.Helper()
	if _, err := datamaker.FillEtcd(t.Context(), client, datamaker.Spec{Size: size}); err != nil {
		t.Fatal(err)
	}
}

// Pages from the member's own file are those of the stream's transaction, while clients write, and etcd compacts and
// defragments: on disk and in memory.
func TestLocalUnderLoad(t *testing.T) {
	for version, etcd := range etcdbed.Versions() {
		for name, dir := range map[string]func(testing.TB) string{
			"on disk":   func(t testing.TB) string { return t.TempDir() },
			"in memory": func(t testing.TB) string { return faults.SmallDisk(t, "2g") },
		} {
			t.Run("etcd "+version+" "+name, func(t *testing.T) {
				c := etcdbed.Start(t, etcdbed.Options{Etcd: etcd, Dir: dir(t)})
				client, m := c.Client(t), c.Members[0]
				fill(t, client, large)
				load := c.Load(t, etcdbed.LoadOptions{Defragment: true})
				load.Await(1000)
				local := 0
				for range 4 {
					stop := compacting(t, client)
					path, saved := save(t, client, etcdsnap.Options{DataDir: m.DataDir})
					stop()
					if saved.Local {
						local++
					} else {
						t.Logf("streamed: %s", saved.NotLocal)
					}
					sameHash(t, path, m)
				}
				load.Stop()
				if local == 0 {
					t.Error("nothing was read from the file")
				}
			})
		}
	}
}

// compacting compacts, physically, all along the revisions that there are now, until stop is called: a snapshot that
// is taken meanwhile has later ones, and so can still be held against the member.
func compacting(t *testing.T, client *clientv3.Client) (stop func()) {
	t.Helper()
	status, err := client.Status(t.Context(), client.Endpoints()[0])
	if err != nil {
		t.Fatal(err)
	}
	now, done := status.Header.Revision, make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() {
		for rev := max(1, now-2000); rev < now; rev += 20 {
			client.Compact(t.Context(), rev, clientv3.WithCompactPhysical()) // an older one is an error, and no matter
			select {
			case <-done:
				return
			default:
			}
		}
	})
	return func() {
		close(done)
		running.Wait()
	}
}

// Directories that are not the member's, or may not be, are not read.
func TestLocalOnlyOfTheMember(t *testing.T) {
	c := etcdbed.Start(t, etcdbed.Options{})
	client, m := c.Client(t), c.Members[0]
	fill(t, client, large)
	stranger := etcdbed.Start(t, etcdbed.Options{}).Members[0].DataDir

	idle := filepath.Join(t.TempDir(), "idle") // a copy, of the same ids, that no etcd has open
	copyDir(t, m.DataDir, idle)
	held := filepath.Join(t.TempDir(), "held") // one that somebody has open, from before the last write
	copyDir(t, m.DataDir, held)
	lock(t, filepath.Join(held, "member/snap/db"))
	for range 3 { // etcd's file goes on
		if _, err := client.Put(t.Context(), "/registry/later", "x"); err != nil {
			t.Fatal(err)
		}
		if _, err := client.Defragment(t.Context(), m.Endpoint); err != nil { // commits
			t.Fatal(err)
		}
	}
	for name, dir := range map[string]string{
		"of another cluster": stranger, "no etcd has": idle, "transactions": held, "no such file": filepath.Join(t.TempDir(), "none"),
	} {
		path, saved := save(t, client, etcdsnap.Options{DataDir: dir})
		if saved.Local || name != "of another cluster" && !strings.Contains(saved.NotLocal, name) || saved.NotLocal == "" {
			t.Errorf("%s: local %v, not local %q", name, saved.Local, saved.NotLocal)
		}
		sameHash(t, path, m)
	}
	// And the right one is.
	path, saved := save(t, client, etcdsnap.Options{DataDir: m.DataDir})
	if !saved.Local {
		t.Errorf("not local: %s", saved.NotLocal)
	}
	sameHash(t, path, m)
	likeEtcdutl(t, path, saved.Info)
}

// A member that dies while its file is read can't prove that its pages were left alone: another one delivers.
func TestLocalMemberDies(t *testing.T) {
	c := etcdbed.Start(t, etcdbed.Options{Members: 3})
	client, m := c.Client(t), c.Members[0]
	fill(t, client, large)
	die := sync.OnceFunc(func() { m.Kill(t) })
	path, saved := save(t, client, etcdsnap.Options{DataDir: m.DataDir, Progress: func(n int64) {
		if n > large/2 {
			die()
		}
	}})
	if saved.Local || saved.Member.Endpoint == m.Endpoint || refused(saved, m) == "" {
		t.Errorf("saved from %+v, others %+v", saved.Member, saved.Others)
	}
	for _, o := range c.Members[1:] {
		sameHash(t, path, o)
	}
}

func copyDir(t *testing.T, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

// lock takes bbolt's lock, as an etcd would.
func lock(t *testing.T, path string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
}
