package restores

import (
	"bytes"
	"crypto/sha256"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/clustersnap/clustersnap/etcdsnap"
	"github.com/clustersnap/clustersnap/etcdsnap/restore"
	"github.com/clustersnap/clustersnap/internal/e2e/faults"
)

// On a file system that shares extents, the database of a new member takes hardly any room, be there one or three of them.
func TestSharedExtents(t *testing.T) {
	const size = 64 << 20
	disk, elsewhere := faults.Btrfs(t, "2g"), snapshotOfSize(t, size)
	snapshot := filepath.Join(disk, "snapshot")
	if err := copyOver(snapshot, elsewhere); err != nil {
		t.Fatal(err)
	}
	for _, names := range [][]string{{"alone"}, {"m1", "m2", "m3"}} {
		before := usedOn(t, disk)
		var members []restore.Member
		for i, name := range names {
			members = append(members, restore.Member{Name: name, PeerURLs: []string{memberPeer(i)}, DataDir: filepath.Join(disk, name)})
		}
		result, err := restoreFile(t, snapshot, members, restore.Options{})
		if err != nil {
			t.Fatal(err)
		}
		more := usedOn(t, disk) - before
		var sum []byte
		for _, m := range members {
			more -= allocated(t, filepath.Join(m.DataDir, "member/wal")) // etcd's logs are allocated, and not shared
			db := filepath.Join(m.DataDir, "member/snap/db")
			sameContent(t, db, result.Snapshot)
			if got := fileSum(t, db); sum == nil {
				sum = got
			} else if !bytes.Equal(got, sum) {
				t.Errorf("the database of %s is not that of %s", m.Name, names[0])
			}
		}
		t.Logf("%d members beside a snapshot of %d MiB: %.1f MiB more", len(names), result.Snapshot.Size>>20, float64(more)/(1<<20))
		if more > size/4 {
			t.Errorf("the databases of %q take %d bytes, and share a snapshot of %d", names, more, result.Snapshot.Size)
		}
	}
}

// sameContent holds the live keys of a database against those of the snapshot.
func sameContent(t *testing.T, db string, snapshot etcdsnap.Info) {
	t.Helper()
	f, err := os.Open(db)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := etcdsnap.Verify(t.Context(), f, etcdsnap.VerifyOptions{NoDigest: true})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := info.Content.Keyspace.Keys, snapshot.Content.Keyspace.Keys; got != want || got == 0 {
		t.Errorf("%s has %d keys, the snapshot %d", db, got, want)
	}
}

func fileSum(t *testing.T, path string) []byte {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		t.Fatal(err)
	}
	return h.Sum(nil)
}

// usedOn is how many bytes of a file system are taken, once all that was written is on disk.
func usedOn(t *testing.T, dir string) int64 {
	t.Helper()
	f, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := unix.Syncfs(int(f.Fd())); err != nil {
		t.Fatal(err)
	}
	var st unix.Statfs_t
	if err := unix.Fstatfs(int(f.Fd()), &st); err != nil {
		t.Fatal(err)
	}
	return int64(st.Blocks-st.Bfree) * st.Bsize
}

// allocated is the disk space of all files below a directory.
func allocated(t *testing.T, dir string) (sum int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			return err
		}
		sum += st.Blocks * 512
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return sum
}
