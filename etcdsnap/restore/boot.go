package restore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/version"
	"go.etcd.io/etcd/client/pkg/v3/transport"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"
)

// bench is where etcds are booted for a proof.
type bench struct {
	etcd         string // the program, or empty for the embedded one
	dir, sockets string
	cert, key    string // of the members' ports; it is its own authority
	token        string
}

// node is one etcd on the bench.
type node struct {
	name, dataDir string
	peerURL       string
	endpoint      string // a socket, for clients
	client        *clientv3.Client
	end           func() error
	ended         <-chan error
}

// quota is the most that etcd advises; a proof only reads.
const quota = 64 << 30

var versionLine = regexp.MustCompile(`(?m)^etcd Version: (\S+)$`)

// etcdVersion asks a program for its version.
func etcdVersion(ctx context.Context, etcd string) (string, error) {
	if etcd == "" {
		return version.Version, nil
	}
	cmd := exec.CommandContext(ctx, etcd, "--version")
	cmd.Env, cmd.WaitDelay = environment(), waitDelay
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("ask %s for its version: %w", etcd, err)
	}
	m := versionLine.FindSubmatch(out)
	if m == nil {
		return "", fmt.Errorf("%s states no version: is it etcd?", etcd)
	}
	return string(m[1]), nil
}

// waitDelay is how long what a program has left behind may hold its output.
const waitDelay = 5 * time.Second

// environment is ours without etcd's variables: those of a node are for its own etcd, and ETCD_CONFIG_FILE would put
// all flags aside.
func environment() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "ETCD_") && !strings.HasPrefix(v, "ETCD_UNSUPPORTED_ARCH=")
	})
}

// maxSocket is what the path of a socket may have, in bytes (sockaddr_un, macOS).
const maxSocket = 103

func (b *bench) newNode(name string) (*node, error) {
	if socket := filepath.Join(b.sockets, name); len(socket) > maxSocket {
		return nil, fmt.Errorf("the path of a socket would be too long, %s: set TMPDIR to another directory", socket)
	}
	// Whoever takes the port in between makes the boot fail, and nothing worse: members know each other by certificate.
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	defer l.Close()
	return &node{
		name: name, dataDir: filepath.Join(b.dir, name),
		peerURL: "https://" + l.Addr().String(), endpoint: "unix://" + filepath.Join(b.sockets, name),
	}, nil
}

// start boots a node as one of some members.
func (b *bench) start(lg *zap.Logger, n *node, members ...*node) (err error) {
	n.client, err = clientv3.New(clientv3.Config{Endpoints: []string{n.endpoint}, Logger: zap.NewNop()})
	if err != nil {
		return err
	}
	if b.etcd == "" {
		err = b.embed(lg, n, members)
	} else {
		err = b.exec(n, members)
	}
	if err != nil {
		err = errors.Join(err, n.client.Close())
	}
	return err
}

// await waits until the node answers a linearizable read.
func (n *node) await(ctx context.Context) error {
	return n.again(ctx, func(ctx context.Context) error {
		_, err := n.client.Get(ctx, "\x00", clientv3.WithCountOnly())
		return err
	})
}

// promote waits until another node has all data, as a learner, and makes it a full member.
func (n *node) promote(ctx context.Context, learner *node, id uint64) error {
	err := learner.again(ctx, func(ctx context.Context) error {
		_, err := n.client.MemberPromote(ctx, id)
		return err
	})
	if err != nil {
		return err
	}
	return learner.await(ctx)
}

// again tries something until it works, or ctx ends.
func (n *node) again(ctx context.Context, try func(context.Context) error) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		once, cancel := context.WithTimeout(ctx, 5*time.Second)
		err := try(once)
		cancel()
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%w (%w)", context.Cause(ctx), err)
		}
	}
}

// follow ends a context with the node.
func (n *node) follow(ctx context.Context, cancel context.CancelCauseFunc) {
	go func() {
		select {
		case err := <-n.ended:
			cancel(fmt.Errorf("etcd %s has ended: %v", n.name, err))
		case <-ctx.Done():
		}
	}()
}

func (n *node) stop() error { return errors.Join(n.client.Close(), n.end()) }

func initialCluster(members []*node) string {
	var list []string
	for _, m := range members {
		list = append(list, m.name+"="+m.peerURL)
	}
	return strings.Join(list, ",")
}

// state is etcd's --initial-cluster-state: who joins others finds them there.
func state(members []*node) string {
	if len(members) > 1 {
		return embed.ClusterStateFlagExisting
	}
	return embed.ClusterStateFlagNew
}

// embed boots the etcd that is linked.
func (b *bench) embed(lg *zap.Logger, n *node, members []*node) error {
	client, err := url.Parse(n.endpoint)
	if err != nil {
		return err
	}
	peer, err := url.Parse(n.peerURL)
	if err != nil {
		return err
	}
	cfg := embed.NewConfig()
	cfg.Name, cfg.Dir = n.name, n.dataDir
	cfg.InitialCluster, cfg.InitialClusterToken, cfg.ClusterState = initialCluster(members), b.token, state(members)
	cfg.ListenClientUrls, cfg.AdvertiseClientUrls = []url.URL{*client}, []url.URL{*client}
	cfg.ListenPeerUrls, cfg.AdvertisePeerUrls = []url.URL{*peer}, []url.URL{*peer}
	cfg.PeerTLSInfo = transport.TLSInfo{CertFile: b.cert, KeyFile: b.key, TrustedCAFile: b.cert, ClientCertAuth: true}
	cfg.QuotaBackendBytes, cfg.UnsafeNoFsync = quota, true
	cfg.ZapLoggerBuilder = embed.NewZapLoggerBuilder(lg)
	e, err := embed.StartEtcd(cfg)
	if err != nil {
		return err
	}
	n.ended = e.Err()
	n.end = func() error { e.Close(); return nil }
	return nil
}

// exec boots another program, which ends with this process.
func (b *bench) exec(n *node, members []*node) error {
	cmd := exec.Command(b.etcd,
		"--name", n.name, "--data-dir", n.dataDir,
		"--initial-cluster", initialCluster(members), "--initial-cluster-token", b.token, "--initial-cluster-state", state(members),
		// Before 3.7 what is advertised can't be a socket; nobody asks for it.
		"--listen-client-urls", n.endpoint, "--advertise-client-urls", n.peerURL,
		"--listen-peer-urls", n.peerURL, "--initial-advertise-peer-urls", n.peerURL,
		"--peer-cert-file", b.cert, "--peer-key-file", b.key, "--peer-trusted-ca-file", b.cert, "--peer-client-cert-auth",
		"--quota-backend-bytes", fmt.Sprint(quota), "--unsafe-no-fsync", "--log-level", "warn", "--logger", "zap")
	log := &tail{}
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = log, log, waitDelay
	cmd.Env, cmd.SysProcAttr = environment(), endWithUs()
	started, ended, gone := make(chan error), make(chan error, 1), make(chan struct{})
	go func() {
		runtime.LockOSThread() // to which the kernel ties the child's end (golang/go#27505)
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err != nil {
			return
		}
		err = cmd.Wait()
		close(gone)
		ended <- fmt.Errorf("%v: %s", err, log)
	}()
	if err := <-started; err != nil {
		return err
	}
	n.ended = ended
	n.end = func() error {
		select {
		case <-gone:
			return nil
		default:
			err := killAll(cmd.Process) // its data go anyway
			<-gone
			return err
		}
	}
	return nil
}

// tail keeps the end of what is written.
type tail struct{ buf bytes.Buffer }

const tailSize = 4 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.buf.Write(p)
	if over := t.buf.Len() - tailSize; over > 0 {
		t.buf.Next(over)
	}
	return len(p), nil
}

func (t *tail) String() string { return strings.TrimSpace(t.buf.String()) }
