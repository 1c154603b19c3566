package snapshots

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/internal/e2e/etcdbed"
	"github.com/clustersnap/clustersnap/internal/e2e/peers"
	"github.com/clustersnap/clustersnap/internal/e2e/sidebyside"
)

// benchSize is that of the database.
const benchSize = 1536 << 20

// made gives the size of a file, and removes it.
func made(path string) func() (int64, error) {
	return func() (int64, error) {
		info, err := os.Stat(path)
		if err != nil {
			return 0, err
		}
		return info.Size(), os.Remove(path)
	}
}

// BenchmarkSave saves the same etcd to a durable file with etcdctl, which checks only the length, and with etcdsnap, which
// checks the digest, the tree and all records: over the stream, and from the member's own file.
func BenchmarkSave(b *testing.B) {
	c := etcdbed.Start(b, etcdbed.Options{Args: []string{"--quota-backend-bytes=8589934592"}})
	fill(b, c.Client(b), benchSize)
	path, savesnap := filepath.Join(b.TempDir(), "snapshot"), command.Build(b, "..", "./savesnap")
	etcdctl := peers.EtcdCtl37.Path(b)
	m := c.Members[0]
	peer := sidebyside.Command(peers.EtcdCtl37.String(), func() *exec.Cmd {
		return exec.Command(etcdctl, "snapshot", "save", path, "--endpoints", m.Endpoint, "--cacert", c.CA, "--cert", c.Cert, "--key", c.Key)
	})
	for name, more := range map[string][]string{"streamed": nil, "local": {m.DataDir}} {
		b.Run(name, func(b *testing.B) {
			sidebyside.Compare(b, peer, sidebyside.Command("etcdsnap, "+name, func() *exec.Cmd {
				return exec.Command(savesnap, append([]string{path, m.Endpoint, c.CA, c.Cert, c.Key}, more...)...)
			}), made(path))
		})
	}
}

// BenchmarkCompress holds a save that compresses on its way against one that does not, both etcdsnap's: compression that keeps up
// costs no time.
func BenchmarkCompress(b *testing.B) {
	c := etcdbed.Start(b, etcdbed.Options{Args: []string{"--quota-backend-bytes=8589934592"}})
	fill(b, c.Client(b), benchSize)
	path, savesnap, m := filepath.Join(b.TempDir(), "snapshot"), command.Build(b, "..", "./savesnap"), c.Members[0]
	side := func(name, path string) sidebyside.Side {
		return sidebyside.Command(name, func() *exec.Cmd {
			return exec.Command(savesnap, path, m.Endpoint, c.CA, c.Cert, c.Key)
		})
	}
	sidebyside.Compare(b, side("etcdsnap", path), side("etcdsnap, zstd", path+".zst"), func() (int64, error) {
		if _, err := os.Stat(path); err == nil {
			return made(path)()
		}
		return made(path + ".zst")()
	})
}

// BenchmarkVerify checks the same snapshot with etcdutl snapshot status, which does not look at the digest, and with etcdsnap,
// which does, and with its walk of the tree alone: of large objects and a few small ones, as the bed makes them, and of small ones
// alone.
func BenchmarkVerify(b *testing.B) {
	for name, fill := range map[string]func(testing.TB, *clientv3.Client, int64){"objects": fill, "small": fillSmall} {
		b.Run(name, func(b *testing.B) {
			c := etcdbed.Start(b, etcdbed.Options{Args: []string{"--quota-backend-bytes=8589934592"}})
			fill(b, c.Client(b), benchSize)
			path, verifysnap := filepath.Join(b.TempDir(), "snapshot"), command.Build(b, "..", "./verifysnap")
			etcdutl := peers.EtcdUtl37.Path(b)
			m := c.Members[0]
			peers.EtcdCtl37.Output(b, "snapshot", "save", path, "--endpoints", m.Endpoint, "--cacert", c.CA, "--cert", c.Cert, "--key", c.Key)
			m.Kill(b)
			size := func() (int64, error) {
				info, err := os.Stat(path)
				if err != nil {
					return 0, err
				}
				return info.Size(), nil
			}
			for name, args := range map[string][]string{"all": {path}, "tree alone": {path, "tree"}} {
				b.Run(name, func(b *testing.B) {
					sidebyside.Compare(b,
						sidebyside.Command(peers.EtcdUtl37.String(), func() *exec.Cmd { return exec.Command(etcdutl, "snapshot", "status", path) }),
						sidebyside.Command("etcdsnap, "+name, func() *exec.Cmd { return exec.Command(verifysnap, args...) }),
						size)
				})
			}
		})
	}
}

// fillSmall fills etcd with records of some 400 bytes, as events and leases are.
func fillSmall(t testing.TB, client *clientv3.Client, size int64) {
	t.Helper()
	value := make([]byte, 300)
	for i := 0; ; {
		ops := make([]clientv3.Op, 0, 128)
		for range cap(ops) {
			i++
			for j := range value {
				value[j] = byte(i >> (j % 24))
			}
			ops = append(ops, clientv3.OpPut(fmt.Sprintf("/registry/events/team-%03d/event-%09d", i%200, i), string(value)))
		}
		if _, err := client.Txn(t.Context()).Then(ops...).Commit(); err != nil {
			t.Fatal(err)
		}
		if i%(128*100) == 0 {
			status, err := client.Status(t.Context(), client.Endpoints()[0])
			if err != nil {
				t.Fatal(err)
			}
			if status.DbSize >= size {
				return
			}
		}
	}
}
