package etcdbed

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"github.com/clustersnap/clustersnap/internal/e2e/peers"
)

// Versions are the servers of each minor version that is supported.
func Versions() map[string]peers.Program {
	return map[string]peers.Program{"3.5": peers.Etcd35, "3.6": peers.Etcd36, "3.7": peers.Etcd37}
}

// Options say what kind of cluster a test wants. The zero value is one member of etcd 3.7.
type Options struct {
	// Etcd is the server.
	Etcd peers.Program
	// Members is how many there are, 1 or 3. 0 is 1.
	Members int
	// Dir is where the data directories are made. Empty is a temporary directory of the test.
	Dir string
	// Certificates are those of this cluster, too. Nil makes new ones.
	Certificates *Cluster
	// Args are more flags for every member.
	Args []string
}

// Cluster is a running cluster.
type Cluster struct {
	Members []*Member
	// CA, Cert and Key are PEM files: etcd's CA, and a client certificate without a name, so that with authentication on it
	// is nobody's.
	CA, Cert, Key string

	opts Options
	logs string
}

// startLimit is how long a cluster may take to answer.
const startLimit = time.Minute

// Start starts a cluster, and returns once each member answers a linearizable read.
func Start(t testing.TB, opts Options) *Cluster {
	t.Helper()
	c := Plan(t, opts)
	c.Run(t)
	return c
}

// Plan gives a cluster whose members have names, ports and certificates, but do not run: the test makes their data directories,
// or the logs that Options.Args place elsewhere.
func Plan(t testing.TB, opts Options) *Cluster {
	t.Helper()
	if opts.Dir == "" {
		opts.Dir = t.TempDir()
	}
	c := &Cluster{opts: opts, logs: t.TempDir()}
	if other := opts.Certificates; other != nil {
		c.CA, c.Cert, c.Key = other.CA, other.Cert, other.Key
	} else {
		c.makeCertificates(t, t.TempDir())
	}
	for range max(1, opts.Members) {
		c.newMember(t)
	}
	return c
}

// Run starts a planned cluster, as Start does.
func (c *Cluster) Run(t testing.TB) {
	t.Helper()
	for _, m := range c.Members {
		m.start(t, "new", c.Members)
	}
	for _, m := range c.Members {
		m.await(t)
	}
}

// Endpoints are the client URLs of all members.
func (c *Cluster) Endpoints() []string {
	var endpoints []string
	for _, m := range c.Members {
		endpoints = append(endpoints, m.Endpoint)
	}
	return endpoints
}

// TLS is for clients.
func (c *Cluster) TLS(t testing.TB) *tls.Config {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(c.Cert, c.Key)
	if err != nil {
		t.Fatal(err)
	}
	ca, err := os.ReadFile(c.CA)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	return &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{pair}}
}

// Client is for some endpoints, or for all members. The test closes it.
func (c *Cluster) Client(t testing.TB, endpoints ...string) *clientv3.Client {
	t.Helper()
	if len(endpoints) == 0 {
		endpoints = c.Endpoints()
	}
	return c.client(t, clientv3.Config{Endpoints: endpoints})
}

func (c *Cluster) client(t testing.TB, config clientv3.Config) *clientv3.Client {
	t.Helper()
	config.TLS, config.Logger = c.TLS(t), zap.NewNop()
	client, err := clientv3.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

// Leader is the member that leads.
func (c *Cluster) Leader(t testing.TB) *Member {
	t.Helper()
	return c.split(t)[0]
}

// Followers are the others, in order.
func (c *Cluster) Followers(t testing.TB) []*Member {
	t.Helper()
	return c.split(t)[1:]
}

// split puts the leader first.
func (c *Cluster) split(t testing.TB) []*Member {
	t.Helper()
	status, err := c.Client(t).Status(t.Context(), c.Members[0].Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	var leader, others []*Member
	for _, m := range c.Members {
		if m.ID == status.Leader {
			leader = append(leader, m)
		} else {
			others = append(others, m)
		}
	}
	if len(leader) == 0 {
		t.Fatal("the cluster has no leader")
	}
	return append(leader, others...)
}

// AddLearner adds a member that does not vote, and waits until it has found the others.
func (c *Cluster) AddLearner(t testing.TB) *Member {
	t.Helper()
	client := c.Client(t)
	all := c.Members
	m := c.newMember(t)
	c.Members = all // it serves no clients
	if _, err := client.MemberAddAsLearner(t.Context(), []string{m.PeerURL}); err != nil {
		t.Fatal(err)
	}
	m.start(t, "existing", append(all[:len(all):len(all)], m))
	poll(t, m.Name, func(ctx context.Context) error {
		status, err := client.Status(ctx, m.Endpoint)
		if err == nil && !status.IsLearner {
			err = fmt.Errorf("it is no learner")
		}
		return err
	})
	return m
}

// EnableAuth turns authentication on, with the users root and reader; the second has no role, and its name for
// a password.
func (c *Cluster) EnableAuth(t testing.TB, rootPassword string) {
	t.Helper()
	client, ctx := c.Client(t), t.Context()
	for _, step := range []func() error{
		func() error { _, err := client.UserAdd(ctx, "root", rootPassword); return err },
		func() error { _, err := client.UserGrantRole(ctx, "root", "root"); return err },
		func() error { _, err := client.UserAdd(ctx, "reader", "reader"); return err },
		func() error { _, err := client.AuthEnable(ctx); return err },
	} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
}

// initialCluster is etcd's --initial-cluster.
func initialCluster(members []*Member) string {
	var list []string
	for _, m := range members {
		list = append(list, m.Name+"="+m.PeerURL)
	}
	return strings.Join(list, ",")
}

// newMember adds one that is not started.
func (c *Cluster) newMember(t testing.TB) *Member {
	t.Helper()
	name := fmt.Sprintf("m%d", len(c.Members)+1)
	m := &Member{
		Name:     name,
		Endpoint: fmt.Sprintf("https://127.0.0.1:%d", freePort(t)),
		PeerURL:  fmt.Sprintf("https://127.0.0.1:%d", freePort(t)),
		DataDir:  filepath.Join(c.opts.Dir, name),
		cluster:  c,
		log:      filepath.Join(c.logs, name+".log"),
	}
	c.Members = append(c.Members, m)
	return m
}
