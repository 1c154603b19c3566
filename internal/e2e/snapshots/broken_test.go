package snapshots

import (
	"bytes"
	"errors"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/clustersnap/clustersnap/etcdsnap"
	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/internal/e2e/etcdbed"
	"github.com/clustersnap/clustersnap/internal/e2e/faults"
)

// The chosen member is killed in the middle of the stream: another one delivers.
func TestChosenMemberDies(t *testing.T) {
	c := etcdbed.Start(t, etcdbed.Options{Members: 3})
	client := c.Client(t)
	fill(t, client, large)
	chosen := c.Followers(t)[0]
	die := sync.OnceFunc(func() { chosen.Kill(t) })
	dir := t.TempDir()
	path := filepath.Join(dir, "etcd.snap")
	saved, err := etcdsnap.SaveFile(t.Context(), path, client, etcdsnap.Options{Progress: func(n int64) {
		if n > large/4 {
			die()
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	if saved.Member.Endpoint == chosen.Endpoint || refused(saved, chosen) == "" {
		t.Errorf("saved from %+v, others %+v", saved.Member, saved.Others)
	}
	for _, m := range c.Members {
		if m != chosen {
			sameHash(t, path, m)
		}
	}
	likeEtcdutl(t, path, saved.Info)
}

// What has received bytes can't begin anew, and no bytes of another member follow them.
func TestOnlyMemberDies(t *testing.T) {
	c := etcdbed.Start(t, etcdbed.Options{Members: 3})
	client := c.Client(t)
	fill(t, client, large)
	chosen := c.Followers(t)[0]
	die := sync.OnceFunc(func() { chosen.Kill(t) })
	var got bytes.Buffer
	_, err := etcdsnap.Save(t.Context(), &got, client, etcdsnap.Options{Progress: func(n int64) {
		if n > large/4 {
			die()
		}
	}})
	if err == nil {
		t.Error("a save whose member died is a success")
	}
	if _, err := etcdsnap.Verify(t.Context(), bytes.NewReader(got.Bytes()), etcdsnap.VerifyOptions{}); !errors.Is(err, etcdsnap.ErrCorrupt) {
		t.Errorf("what the destination has received verifies with %v", err)
	}
}

// proxied gives a client that reaches a member through a proxy.
func proxied(t *testing.T, c *etcdbed.Cluster) (*clientv3.Client, *faults.Proxy) {
	t.Helper()
	target, err := url.Parse(c.Members[0].Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	proxy := faults.NewProxy(t, target.Host, faults.ProxyOptions{})
	return c.Client(t, "https://"+proxy.Addr()), proxy
}

func TestBrokenStreams(t *testing.T) {
	c := etcdbed.Start(t, etcdbed.Options{})
	fill(t, c.Client(t), large)
	for name, broken := range map[string]struct {
		fault func(*faults.Proxy) <-chan struct{}
		want  error
	}{
		"stalls":                {func(p *faults.Proxy) <-chan struct{} { return p.StallAfter(8 << 20) }, etcdsnap.ErrStalled},
		"cut":                   {func(p *faults.Proxy) <-chan struct{} { return p.CutAfter(8 << 20) }, etcdsnap.ErrNoMember},
		"ended":                 {func(p *faults.Proxy) <-chan struct{} { return p.EndAfter(8 << 20) }, etcdsnap.ErrNoMember},
		"garbage":               {func(p *faults.Proxy) <-chan struct{} { return p.GarbageAfter(8 << 20) }, etcdsnap.ErrNoMember},
		"silent from the start": {func(p *faults.Proxy) <-chan struct{} { return p.StallAfter(0) }, etcdsnap.ErrNoMember},
	} {
		t.Run(name, func(t *testing.T) {
			client, proxy := proxied(t, c)
			broken.fault(proxy)
			dir := t.TempDir()
			_, err := etcdsnap.SaveFile(t.Context(), filepath.Join(dir, "etcd.snap"), client, etcdsnap.Options{Stall: time.Second})
			if !errors.Is(err, broken.want) {
				t.Errorf("got %v, want %v", err, broken.want)
			}
			faults.NothingIn(t, dir)
			proxy.Pass()
			save(t, client, etcdsnap.Options{}) // the same client goes on
		})
	}
}

// A stream that is slow and not stalled arrives whole.
func TestDelayedStream(t *testing.T) {
	c := etcdbed.Start(t, etcdbed.Options{})
	fill(t, c.Client(t), 8<<20)
	client, proxy := proxied(t, c)
	proxy.Slow(16 << 20)
	path, _ := save(t, client, etcdsnap.Options{Stall: 5 * time.Second})
	sameHash(t, path, c.Members[0])
}

// The client is killed in the middle: nothing has the final name, and what is beside it goes with the next one.
func TestClientIsKilled(t *testing.T) {
	c := etcdbed.Start(t, etcdbed.Options{})
	fill(t, c.Client(t), large)
	target, err := url.Parse(c.Members[0].Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	proxy := faults.NewProxy(t, target.Host, faults.ProxyOptions{})
	program := command.Build(t, "..", "./savesnap")
	dir := t.TempDir()
	path := filepath.Join(dir, "etcd.snap")
	cmd := func() *exec.Cmd { return exec.Command(program, path, "https://"+proxy.Addr(), c.CA, c.Cert, c.Key) }

	stalled := proxy.StallAfter(32 << 20)
	first := faults.Start(t, cmd())
	first.Await(stalled)
	first.End(syscall.SIGKILL)
	list, err := os.ReadDir(dir)
	if err != nil || len(list) != 1 || filepath.Ext(list[0].Name()) != ".partial" {
		t.Errorf("after the kill there is %v (%v), want a partial alone", list, err)
	}
	proxy.Pass()
	if out, err := cmd().CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if list, _ := os.ReadDir(dir); len(list) != 1 || list[0].Name() != "etcd.snap" {
		t.Errorf("after the next run there is %v", list)
	}
	sameHash(t, path, c.Members[0])
}
