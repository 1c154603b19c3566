package restores

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/internal/e2e/datamaker"
	"github.com/clustersnap/clustersnap/internal/e2e/etcdbed"
	"github.com/clustersnap/clustersnap/internal/e2e/faults"
	"github.com/clustersnap/clustersnap/internal/e2e/peers"
	"github.com/clustersnap/clustersnap/internal/e2e/sidebyside"
)

// benchSize is that of the database.
const benchSize = 1536 << 20

// snapshotOfSize fills an etcd until its database has a size, and saves it with etcdctl. Etcd has ended then.
func snapshotOfSize(t testing.TB, size int64) string {
	t.Helper()
	c := etcdbed.Start(t, etcdbed.Options{Args: []string{"--quota-backend-bytes=8589934592"}})
	if _, err := datamaker.FillEtcd(t.Context(), c.Client(t), datamaker.Spec{Size: size}); err != nil {
		t.Fatal(err)
	}
	m, path := c.Members[0], filepath.Join(t.TempDir(), "snapshot")
	peers.EtcdCtl37.Output(t, "snapshot", "save", path, "--endpoints", m.Endpoint, "--cacert", c.CA, "--cert", c.Cert, "--key", c.Key)
	m.Kill(t)
	if err := os.RemoveAll(m.DataDir); err != nil { // as large as the snapshot
		t.Fatal(err)
	}
	return path
}

// memberPeer is the peer URL of member i: nothing listens there.
func memberPeer(i int) string { return fmt.Sprintf("https://127.0.0.1:%d", 20000+i) }

// restoring builds restoresnap, and gives a command that restores the first members of a cluster to dir/m1 and so on.
func restoring(b *testing.B) func(snapshot, dir string, members int) *exec.Cmd {
	b.Helper()
	program := command.Build(b, "..", "./restoresnap")
	return func(snapshot, dir string, members int) *exec.Cmd {
		args := []string{snapshot}
		for i := 1; i <= members; i++ {
			args = append(args, fmt.Sprintf("m%d=%s=%s", i, memberPeer(i), filepath.Join(dir, fmt.Sprintf("m%d", i))))
		}
		return exec.Command(program, args...)
	}
}

// emptied gives the size of the first member's database in dir, and empties dir.
func emptied(dir string) func() (int64, error) {
	return func() (int64, error) {
		info, err := os.Stat(filepath.Join(dir, "m1/member/snap/db"))
		if err != nil {
			return 0, err
		}
		list, err := filepath.Glob(filepath.Join(dir, "*"))
		if err != nil {
			return 0, err
		}
		for _, path := range list {
			if err := os.RemoveAll(path); err != nil {
				return 0, err
			}
		}
		return info.Size(), nil
	}
}

// BenchmarkRestore restores the same snapshot with etcdutl, which checks only the digest, and with restore, which also checks the
// tree and all records, and has it all on disk when it is done.
func BenchmarkRestore(b *testing.B) {
	snapshot, dir, ours, etcdutl := snapshotOfSize(b, benchSize), b.TempDir(), restoring(b), peers.EtcdUtl37.Path(b)
	sidebyside.Compare(b,
		sidebyside.Command(peers.EtcdUtl37.String(), func() *exec.Cmd {
			return exec.Command(etcdutl, "snapshot", "restore", snapshot, "--name", "m1", "--data-dir", filepath.Join(dir, "m1"),
				"--initial-cluster", "m1="+memberPeer(1), "--initial-advertise-peer-urls", memberPeer(1),
				"--bump-revision", "1000000000", "--mark-compacted")
		}),
		sidebyside.Command("restore", func() *exec.Cmd { return ours(snapshot, dir, 1) }),
		emptied(dir))
}

// BenchmarkRestoreThree holds three members in one call against one, on btrfs: with the snapshot on the same file system,
// where all of them share what it holds, and on another one, from which the first is copied.
func BenchmarkRestoreThree(b *testing.B) {
	elsewhere, disk, ours := snapshotOfSize(b, benchSize), faults.Btrfs(b, "8g"), restoring(b)
	here, dir := filepath.Join(disk, "snapshot"), filepath.Join(disk, "members")
	if err := os.Mkdir(dir, 0o700); err != nil {
		b.Fatal(err)
	}
	if err := copyOver(here, elsewhere); err != nil {
		b.Fatal(err)
	}
	for name, snapshot := range map[string]string{"shared": here, "copied": elsewhere} {
		b.Run(name, func(b *testing.B) {
			sidebyside.Compare(b,
				sidebyside.Command("one member", func() *exec.Cmd { return ours(snapshot, dir, 1) }),
				sidebyside.Command("three members", func() *exec.Cmd { return ours(snapshot, dir, 3) }),
				emptied(dir))
		})
	}
}

// copyOver copies a file to another file system.
func copyOver(to, from string) error {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := os.Create(to)
	if err != nil {
		return err
	}
	defer dst.Close()
	if _, err := io.Copy(dst, src); err != nil {
		return err
	}
	return dst.Sync()
}
