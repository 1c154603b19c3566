package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/clustersnap/clustersnap"
	"github.com/clustersnap/clustersnap/etcdsnap"
	"github.com/clustersnap/clustersnap/examples/demonode"
	"github.com/clustersnap/clustersnap/internal/e2e/peers"
)

// BenchmarkSave saves the same etcd to a durable file with etcdctl, which checks only the
// length, and with etcdsnap, which checks the digest.
func BenchmarkSave(b *testing.B) {
	node, err := demonode.Start(context.Background(), b.TempDir(), 20_000)
	if err != nil {
		b.Fatal(err)
	}
	defer node.Close()
	client, err := node.Client()
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	dir := b.TempDir()
	save := func(b *testing.B, one func(path string) error) {
		path := filepath.Join(dir, "snapshot")
		for b.Loop() {
			if err := one(path); err != nil {
				b.Fatal(err)
			}
			info, err := os.Stat(path)
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(info.Size())
			if err := os.Remove(path); err != nil {
				b.Fatal(err)
			}
		}
	}
	pki := filepath.Join(node.Root, "etc/kubernetes/pki/etcd")
	etcdctl := peers.EtcdCtl37.Path(b)
	b.Run("etcdctl", func(b *testing.B) {
		save(b, func(path string) error {
			cmd := exec.Command(etcdctl, "snapshot", "save", path, "--endpoints", node.Endpoint,
				"--cacert", pki+"/ca.crt", "--cert", pki+"/healthcheck-client.crt", "--key", pki+"/healthcheck-client.key")
			if out, err := cmd.CombinedOutput(); err != nil {
				return fmt.Errorf("%w: %s", err, out)
			}
			return nil
		})
	})
	b.Run("etcdsnap", func(b *testing.B) {
		save(b, func(path string) error {
			f, err := clustersnap.Create(path)
			if err != nil {
				return err
			}
			defer f.Close()
			if _, err := etcdsnap.Save(context.Background(), f, client, etcdsnap.Options{}); err != nil {
				return err
			}
			return f.Commit()
		})
	})
}
