package restore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"

	"github.com/clustersnap/clustersnap/etcdsnap"
	"github.com/clustersnap/clustersnap/etcdsnap/restore"
)

// startEtcd starts a real etcd, stopped by the test, on dir and returns a client.
func startEtcd(t testing.TB, m restore.Member) *clientv3.Client {
	t.Helper()
	sockets, err := os.MkdirTemp("", "etcd-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(sockets) })
	cfg := embed.NewConfig()
	cfg.Name, cfg.Dir = m.Name, m.DataDir
	peer, err := url.Parse(m.PeerURLs[0])
	if err != nil {
		t.Fatal(err)
	}
	cfg.ListenClientUrls = []url.URL{{Scheme: "http", Host: "127.0.0.1:0"}}
	cfg.AdvertiseClientUrls = cfg.ListenClientUrls
	cfg.ListenPeerUrls = []url.URL{{Scheme: "unix", Path: filepath.Join(sockets, "peer")}}
	cfg.AdvertisePeerUrls = []url.URL{*peer}
	cfg.InitialCluster = m.Name + "=" + m.PeerURLs[0]
	cfg.ZapLoggerBuilder = embed.NewZapLoggerBuilder(zap.NewNop())
	e, err := embed.StartEtcd(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	<-e.Server.ReadyNotify()
	client, err := etcdsnap.Dial(context.Background(), []string{"http://" + e.Clients[0].Addr().String()}, nil, etcdsnap.DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

func member(t testing.TB) restore.Member {
	return restore.Member{Name: "cp1", PeerURLs: []string{"http://10.1.2.3:2380"}, DataDir: filepath.Join(t.TempDir(), "etcd")}
}

// takeSnapshot fills an etcd with n keys, some of them twice, and saves it.
func takeSnapshot(t testing.TB, n int) ([]byte, *etcdsnap.Saved, map[string]string) {
	t.Helper()
	client := startEtcd(t, member(t))
	ctx := context.Background()
	want := map[string]string{}
	for i := range n {
		key := fmt.Sprintf("/registry/configmaps/default/c%04d", i)
		for version := range 1 + i%2 {
			want[key] = fmt.Sprintf("value %d of %s", version, key)
			if _, err := client.Put(ctx, key, want[key]); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := client.Delete(ctx, "/registry/configmaps/default/c0000"); err != nil {
		t.Fatal(err)
	}
	delete(want, "/registry/configmaps/default/c0000")
	var b bytes.Buffer
	saved, err := etcdsnap.Save(ctx, &b, client, etcdsnap.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), saved, want
}

func TestRestoreBoots(t *testing.T) {
	ctx := context.Background()
	snapshot, saved, want := takeSnapshot(t, 700)
	m := member(t)
	if err := os.Mkdir(m.DataDir, 0o755); err != nil { // empty: taken over
		t.Fatal(err)
	}
	result, err := restore.Restore(ctx, bytes.NewReader(snapshot), []restore.Member{m}, time.Hour, restore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(result.Snapshot, saved.Info) {
		t.Errorf("snapshot %+v, want %+v", result.Snapshot, saved.Info)
	}
	if result.SnapshotRevision != saved.MinRevision {
		t.Errorf("snapshot revision %d, want %d", result.SnapshotRevision, saved.MinRevision)
	}
	if want := saved.MinRevision + 1e9 + 3600*20_000; result.Revision != want {
		t.Errorf("revision %d, want %d", result.Revision, want)
	}
	info, err := os.Stat(m.DataDir)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("data directory: %v %v", info.Mode(), err)
	}

	client := startEtcd(t, m)
	got, err := client.Get(ctx, "", clientv3.WithPrefix())
	if err != nil {
		t.Fatal(err)
	}
	if got.Header.Revision < result.Revision {
		t.Errorf("etcd starts at revision %d, want %d", got.Header.Revision, result.Revision)
	}
	if len(got.Kvs) != len(want) {
		t.Errorf("%d keys, want %d", len(got.Kvs), len(want))
	}
	for _, kv := range got.Kvs {
		if want[string(kv.Key)] != string(kv.Value) {
			t.Errorf("%s is %q", kv.Key, kv.Value)
		}
	}
	members, err := client.MemberList(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if len(members.Members) != 1 || members.Members[0].Name != m.Name || members.Members[0].PeerURLs[0] != m.PeerURLs[0] {
		t.Errorf("members: %v", members.Members)
	}
	if fmt.Sprintf("%x", members.Header.ClusterId) == saved.Member.ClusterID {
		t.Error("the restored cluster has the old one's id")
	}
	// What a kubelet does that was connected to the old etcd.
	watch := <-client.Watch(ctx, "/registry/", clientv3.WithPrefix(), clientv3.WithRev(saved.MinRevision))
	if !errors.Is(watch.Err(), rpctypes.ErrCompacted) {
		t.Errorf("a watch from the old revision gets %v, want ErrCompacted", watch.Err())
	}
	if _, err := client.Put(ctx, "/registry/configmaps/default/new", "x"); err != nil {
		t.Error(err)
	}
}

func TestTokensAreFresh(t *testing.T) {
	snapshot, _, _ := takeSnapshot(t, 1)
	var tokens [2]string
	for i := range tokens {
		r, err := restore.Restore(context.Background(), bytes.NewReader(snapshot), []restore.Member{member(t)}, 0, restore.Options{})
		if err != nil {
			t.Fatal(err)
		}
		tokens[i] = r.ClusterToken
	}
	if tokens[0] == tokens[1] {
		t.Errorf("two restores share the token %s", tokens[0])
	}
}

func TestProve(t *testing.T) {
	snapshot, saved, want := takeSnapshot(t, 1200) // more than two pages of reading
	scratch := t.TempDir()
	mkdir(t, filepath.Join(scratch, ".clustersnap-boot.123.partial", "etcd", "member")) // of a killed one
	checked := false
	proof, err := restore.Prove(context.Background(), scratch, bytes.NewReader(snapshot), restore.ProveOptions{Check: func(ctx context.Context, c *clientv3.Client) error {
		checked = true
		r, err := c.Get(ctx, "/registry/configmaps/default/c0001")
		if err == nil && (len(r.Kvs) != 1 || string(r.Kvs[0].Value) != want["/registry/configmaps/default/c0001"]) {
			t.Errorf("got %v", r.Kvs)
		}
		return err
	}})
	if err != nil {
		t.Fatal(err)
	}
	if !checked || proof.Keys != int64(len(want)) || proof.SnapshotRevision != saved.MinRevision || proof.Version == "" || proof.Bytes == 0 {
		t.Errorf("checked %v, proof %+v, want %d keys", checked, proof, len(want))
	}
	empty(t, scratch)

	boom := errors.New("object is gone")
	_, err = restore.Prove(context.Background(), scratch, bytes.NewReader(snapshot), restore.ProveOptions{Check: func(context.Context, *clientv3.Client) error { return boom }})
	if !errors.Is(err, boom) {
		t.Errorf("got %v, want the check's error", err)
	}
	empty(t, scratch)
}

func empty(t *testing.T, dir string) {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		t.Errorf("left behind: %s", e.Name())
	}
}

func TestRefused(t *testing.T) {
	snapshot, _, _ := takeSnapshot(t, 10)
	flipped := bytes.Clone(snapshot)
	flipped[len(flipped)/2] ^= 1
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	for name, c := range map[string]struct {
		ctx  context.Context
		src  []byte
		edit func(*restore.Member)
		age  time.Duration
		want error // nil: any
	}{
		"flipped byte":      {src: flipped, want: etcdsnap.ErrCorrupt},
		"cut short":         {src: snapshot[:len(snapshot)-1], want: io.ErrUnexpectedEOF},
		"empty":             {src: nil, want: io.ErrUnexpectedEOF},
		"no snapshot":       {src: bytes.Repeat([]byte("tar "), 5000), want: etcdsnap.ErrCorrupt},
		"cancelled":         {ctx: cancelled, src: snapshot, want: context.Canceled},
		"no name":           {src: snapshot, edit: func(m *restore.Member) { m.Name = "" }},
		"no peer URL":       {src: snapshot, edit: func(m *restore.Member) { m.PeerURLs = nil }},
		"bad peer URL":      {src: snapshot, edit: func(m *restore.Member) { m.PeerURLs = []string{"10.1.2.3"} }},
		"age of the future": {src: snapshot, age: -time.Second},
		"age of centuries":  {src: snapshot, age: 1<<63 - 1},
	} {
		t.Run(name, func(t *testing.T) {
			parent := t.TempDir()
			m := restore.Member{Name: "cp1", PeerURLs: []string{"http://10.1.2.3:2380"}, DataDir: filepath.Join(parent, "etcd")}
			if c.edit != nil {
				c.edit(&m)
			}
			if c.ctx == nil {
				c.ctx = context.Background()
			}
			_, err := restore.Restore(c.ctx, bytes.NewReader(c.src), []restore.Member{m}, c.age, restore.Options{})
			if err == nil || c.want != nil && !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			empty(t, parent)
		})
	}
}

func TestDirectoryInUseIsLeftAlone(t *testing.T) {
	snapshot, _, _ := takeSnapshot(t, 1)
	m := member(t)
	keep := filepath.Join(m.DataDir, "member", "snap", "db")
	if err := os.MkdirAll(filepath.Dir(keep), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(keep, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := restore.Restore(context.Background(), bytes.NewReader(snapshot), []restore.Member{m}, 0, restore.Options{})
	if !errors.Is(err, fs.ErrExist) {
		t.Errorf("got %v, want fs.ErrExist", err)
	}
	if b, _ := os.ReadFile(keep); string(b) != "old" {
		t.Errorf("the old database is now %q", b)
	}
}

// Each place is made from scratch, and afterwards etcd boots from it.
func TestPlaces(t *testing.T) {
	snapshot, _, _ := takeSnapshot(t, 1)
	for name, prepare := range map[string]func(t *testing.T, dir string) (dataDir string){
		"relative": func(t *testing.T, dir string) string {
			t.Chdir(dir)
			return "etcd"
		},
		"trailing slash": func(t *testing.T, dir string) string { return filepath.Join(dir, "etcd") + "/" },
		"link to an empty directory": func(t *testing.T, dir string) string {
			mkdir(t, filepath.Join(dir, "disk"))
			link(t, "disk", filepath.Join(dir, "etcd"))
			return filepath.Join(dir, "etcd")
		},
		"root of a file system": func(t *testing.T, dir string) string {
			mkdir(t, filepath.Join(dir, "etcd", "lost+found"))
			return filepath.Join(dir, "etcd")
		},
		"what a killed restore left": func(t *testing.T, dir string) string {
			mkdir(t, filepath.Join(dir, ".etcd.123.partial", "data", "member"))
			return filepath.Join(dir, "etcd")
		},
		"what one left inside": func(t *testing.T, dir string) string {
			mkdir(t, filepath.Join(dir, "etcd", ".member.123.partial", "data", "member"))
			return filepath.Join(dir, "etcd")
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			m := restore.Member{Name: "cp1", PeerURLs: []string{"http://10.1.2.3:2380"}, DataDir: prepare(t, dir)}
			was, werr := os.Lstat(m.DataDir)
			if _, err := restore.Restore(context.Background(), bytes.NewReader(snapshot), []restore.Member{m}, 0, restore.Options{}); err != nil {
				t.Fatal(err)
			}
			if is, err := os.Lstat(m.DataDir); werr == nil && (err != nil || !os.SameFile(was, is)) {
				t.Errorf("%s was replaced", m.DataDir)
			}
			if info, err := os.Stat(m.DataDir); err != nil || info.Mode().Perm() != 0o700 {
				t.Errorf("mode %v (%v)", info.Mode(), err)
			}
			startEtcd(t, m)
			for _, where := range []string{dir, m.DataDir} {
				list, err := os.ReadDir(where)
				if err != nil {
					t.Fatal(err)
				}
				for _, e := range list {
					if filepath.Ext(e.Name()) == ".partial" {
						t.Errorf("left behind: %s", e.Name())
					}
				}
			}
		})
	}
}

func mkdir(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
}

func link(t *testing.T, target, name string) {
	t.Helper()
	if err := os.Symlink(target, name); err != nil {
		t.Fatal(err)
	}
}

func TestOtherPlacesAreRefused(t *testing.T) {
	snapshot, _, _ := takeSnapshot(t, 1)
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	link(t, "nowhere", filepath.Join(dir, "dangling"))
	for _, name := range []string{"file", "dangling", "missing/etcd"} {
		m := restore.Member{Name: "cp1", PeerURLs: []string{"http://10.1.2.3:2380"}, DataDir: filepath.Join(dir, name)}
		if _, err := restore.Restore(context.Background(), bytes.NewReader(snapshot), []restore.Member{m}, 0, restore.Options{}); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	if b, _ := os.ReadFile(file); string(b) != "precious" {
		t.Errorf("the file is now %q", b)
	}
}

func TestPanicOfCheckIsTheCallers(t *testing.T) {
	snapshot, _, _ := takeSnapshot(t, 1)
	scratch := t.TempDir()
	defer func() {
		if recover() != "mine" {
			t.Error("the panic is lost")
		}
		empty(t, scratch)
	}()
	restore.Prove(context.Background(), scratch, bytes.NewReader(snapshot), restore.ProveOptions{Check: func(context.Context, *clientv3.Client) error { panic("mine") }})
}
