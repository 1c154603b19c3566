package etcdbed

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/clustersnap/clustersnap/internal/e2e/faults"
)

// Member is one etcd.
type Member struct {
	Name     string
	ID       uint64
	Endpoint string // https://127.0.0.1:PORT, for clients
	PeerURL  string
	DataDir  string

	cluster *Cluster
	log     string
	args    []string
	process *faults.Process
}

// DB is its database file.
func (m *Member) DB() string { return filepath.Join(m.DataDir, "member", "snap", "db") }

// start runs it. State is etcd's --initial-cluster-state.
func (m *Member) start(t testing.TB, state string, members []*Member) {
	t.Helper()
	c := m.cluster
	server := filepath.Join(filepath.Dir(c.CA), "server")
	m.args = append([]string{
		"--name", m.Name, "--data-dir", m.DataDir, "--log-level", "error", "--snapshot-count", "10000",
		"--listen-client-urls", m.Endpoint, "--advertise-client-urls", m.Endpoint,
		"--listen-peer-urls", m.PeerURL, "--initial-advertise-peer-urls", m.PeerURL,
		"--initial-cluster", initialCluster(members), "--initial-cluster-state", state,
		"--client-cert-auth", "--trusted-ca-file", c.CA, "--cert-file", server + ".crt", "--key-file", server + ".key",
		"--peer-client-cert-auth", "--peer-trusted-ca-file", c.CA, "--peer-cert-file", server + ".crt", "--peer-key-file", server + ".key",
	}, c.opts.Args...)
	t.Cleanup(func() {
		if t.Failed() {
			b, _ := os.ReadFile(m.log)
			t.Logf("log of %s ends with\n%s", m.Name, b[max(0, len(b)-2000):])
		}
	})
	m.run(t)
}

func (m *Member) run(t testing.TB) {
	t.Helper()
	log, err := os.OpenFile(m.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command(m.cluster.opts.Etcd.Path(t), m.args...)
	cmd.Stdout, cmd.Stderr = log, log
	m.process = faults.Start(t, cmd)
}

// await waits until it answers a linearizable read, and learns its id.
func (m *Member) await(t testing.TB) {
	t.Helper()
	client := m.cluster.Client(t, m.Endpoint)
	defer client.Close()
	poll(t, m.Name, func(ctx context.Context) error {
		got, err := client.Get(ctx, "health")
		if err == nil {
			m.ID = got.Header.MemberId
		}
		return err
	})
}

// Kill ends it at once.
func (m *Member) Kill(t testing.TB) {
	t.Helper()
	m.process.End(syscall.SIGKILL)
}

// Stop ends it in good order.
func (m *Member) Stop(t testing.TB) {
	t.Helper()
	m.process.End(syscall.SIGTERM)
}

// Restart runs it again, as it was, after Kill or Stop.
func (m *Member) Restart(t testing.TB) {
	t.Helper()
	m.run(t)
	m.await(t)
}

// HashKV asks it for its hash at a revision, and up to which it is compacted.
func (m *Member) HashKV(t testing.TB, revision int64) (hash uint32, compactRevision int64) {
	t.Helper()
	client := m.cluster.Client(t, m.Endpoint)
	defer client.Close()
	// A member that lags first has to have the revision.
	if _, err := client.Get(t.Context(), "health"); err != nil {
		t.Fatal(err)
	}
	got, err := client.HashKV(t.Context(), m.Endpoint, revision)
	if err != nil {
		t.Fatalf("HashKV of %s at revision %d: %v", m.Name, revision, err)
	}
	return got.Hash, got.CompactRevision
}

// poll calls check until it is content.
func poll(t testing.TB, name string, check func(context.Context) error) {
	t.Helper()
	end := time.Now().Add(startLimit)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		err := check(ctx)
		cancel()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s is not ready in %v: %v", name, startLimit, err)
		}
		<-tick.C
	}
}

// freePort finds a port from 20000 to 29999 that no other member has until the test ends, of this test process or of one beside
// it: the owner of a port is who listens on the socket that is named for it. Port 0 would give one that the system also gives to
// outgoing connections, and while a member is down it would be lost to them.
func freePort(t testing.TB) int {
	t.Helper()
	for range 100 {
		port := 20000 + rand.IntN(10000)
		owner, err := net.Listen("unix", fmt.Sprintf("@clustersnap-etcdbed-%d", port)) // of the kernel's, and gone with the process
		if err != nil {
			continue
		}
		t.Cleanup(func() { owner.Close() })
		l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
		if err != nil {
			continue
		}
		l.Close()
		return port
	}
	t.Fatal("no free ports")
	return 0
}
