package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/clustersnap/clustersnap/examples/demonode"
	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/internal/e2e/datamaker"
	"github.com/clustersnap/clustersnap/internal/e2e/peers"
	"github.com/clustersnap/clustersnap/internal/e2e/sidebyside"
)

// BenchmarkSave saves the same etcd to a durable file with etcdctl, which checks only the
// length, and with etcdsnap, which checks the digest.
func BenchmarkSave(b *testing.B) {
	node, err := demonode.Start(context.Background(), b.TempDir(), 0)
	if err != nil {
		b.Fatal(err)
	}
	defer node.Close()
	client, err := node.Client()
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	if _, err := datamaker.FillEtcd(b.Context(), client, datamaker.Spec{Size: 1536 << 20}); err != nil {
		b.Fatal(err)
	}

	pki := filepath.Join(node.Root, "etc/kubernetes/pki/etcd")
	ca, cert, key := filepath.Join(pki, "ca.crt"), filepath.Join(pki, "healthcheck-client.crt"), filepath.Join(pki, "healthcheck-client.key")
	dir := b.TempDir()
	path, savesnap, etcdctl := filepath.Join(dir, "snapshot"), filepath.Join(dir, "savesnap"), peers.EtcdCtl37.Path(b)
	command.Build(b, ".", savesnap, "./savesnap")
	sidebyside.Compare(b,
		sidebyside.Command(peers.EtcdCtl37.String(), func() *exec.Cmd {
			return exec.Command(etcdctl, "snapshot", "save", path, "--endpoints", node.Endpoint, "--cacert", ca, "--cert", cert, "--key", key)
		}),
		sidebyside.Command("etcdsnap", func() *exec.Cmd {
			return exec.Command(savesnap, path, node.Endpoint, ca, cert, key)
		}),
		func() (int64, error) {
			info, err := os.Stat(path)
			if err != nil {
				return 0, err
			}
			return info.Size(), os.Remove(path)
		})
}
