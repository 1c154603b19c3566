package mistakes

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/clustersnap/clustersnap/internal/e2e/faults"
	"github.com/clustersnap/clustersnap/internal/e2e/peers"
	"github.com/clustersnap/clustersnap/internal/e2e/trial"
)

// bucket starts a real S3 server with a bucket "sets", for tester with the password only-on-loopback, and says where it listens.
func bucket(t *testing.T) (address string) {
	t.Helper()
	root := t.TempDir()
	must(t, os.Mkdir(filepath.Join(root, "sets"), 0o755))
	free, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	address = free.Addr().String()
	must(t, free.Close())
	server := exec.Command(peers.VersityGW.Path(t), "--port", address, "--quiet", "posix", root)
	server.Env = append(os.Environ(), "ROOT_ACCESS_KEY=tester", "ROOT_SECRET_KEY=only-on-loopback")
	server.Dir = root
	faults.Start(t, server)
	for ctx := trial.Context(t); ; must(t, ctx.Err()) { // until it listens
		if conn, err := net.Dial("tcp", address); err == nil {
			must(t, conn.Close())
			return address
		}
	}
}
