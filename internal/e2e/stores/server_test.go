package stores

import (
	"context"
	"flag"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/clustersnap/clustersnap/examples/demonode"
	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/internal/e2e/faults"
	"github.com/clustersnap/clustersnap/internal/e2e/peers"
)

var (
	kills = flag.Int("kills", 2, "how many uploaders and prunes are killed in each test, at a random point")
	seed  = flag.Uint64("seed", 89, "what the points follow from; of two on S3 one is in a part, and one behind the set")
)

// The names of somebody who may do everything on the server of a test.
const (
	accessKey = "tester"
	accessPW  = "only-on-loopback"
)

func TestMain(m *testing.M) {
	flag.Parse()
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": accessKey, "AWS_SECRET_ACCESS_KEY": accessPW, "AWS_REGION": "us-east-1",
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull, "AWS_EC2_METADATA_DISABLED": "true",
	} {
		if err := os.Setenv(name, value); err != nil {
			panic(err)
		}
	}
	command.Main(m)
}

// server is a real S3 server with a bucket "sets", over a directory.
type server struct {
	folder
	addr    string
	process *faults.Process
}

func startServer(t *testing.T) *server {
	t.Helper()
	dir := t.TempDir()
	s := &server{folder: folder{t: t, root: filepath.Join(dir, "root", "sets"), name: "folder"}, addr: freeAddr(t)}
	s.at = s.url(s.addr)
	for _, d := range []string{s.root, filepath.Join(dir, "versions")} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	s.start()
	return s
}

// start starts the server, or starts it again over what it had.
func (s *server) start() {
	s.t.Helper()
	dir := filepath.Dir(filepath.Dir(s.root))
	cmd := exec.Command(peers.VersityGW.Path(s.t), "--port", s.addr, "--quiet", "--keep-alive",
		"posix", "--versioning-dir", filepath.Join(dir, "versions"), filepath.Dir(s.root))
	cmd.Env = append(os.Environ(), "ROOT_ACCESS_KEY="+accessKey, "ROOT_SECRET_KEY="+accessPW)
	cmd.Dir = dir
	s.process = faults.Start(s.t, cmd)
	listens := make(chan struct{})
	ctx, cancel := context.WithCancel(s.t.Context())
	defer cancel()
	go func() {
		for ctx.Err() == nil {
			if conn, err := net.Dial("tcp", s.addr); err == nil {
				conn.Close()
				close(listens)
				return
			}
			select {
			case <-ctx.Done():
			case <-time.After(5 * time.Millisecond):
			}
		}
	}()
	s.process.Await(listens)
}

func (s *server) kill() { s.process.End(syscall.SIGKILL) }

// url is that of the folder of sets, as it is reached at addr.
func (s *server) url(addr string) string {
	return "s3://sets/folder/?use_path_style=true&endpoint=http://" + addr
}

func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// The objects of a node whose set goes in one request, and of one whose set is of several parts.
const (
	small = 1
	large = 14_000
)

func startNode(t *testing.T, objects int) *demonode.Node {
	t.Helper()
	node, err := demonode.Start(context.Background(), t.TempDir(), objects)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := node.Close(); err != nil {
			t.Error(err)
		}
	})
	return node
}

// backup is a command that backs a node up to a URL.
func backup(node *demonode.Node, url, recipient string, flags ...string) []string {
	return append([]string{"backup", "--etcd-only", "--root", node.Root, "--to", url, "--recipient", recipient}, flags...)
}

// in is the URL of a set of a folder.
func in(url, set string) string {
	folder, query, asks := strings.Cut(url, "?")
	if asks {
		query = "?" + query
	}
	return folder + set + query
}
