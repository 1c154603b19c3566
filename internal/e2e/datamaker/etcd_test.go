package datamaker

import (
	"errors"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/kubernetes/scheme"

	"github.com/clustersnap/clustersnap/internal/e2e/faults"
	"github.com/clustersnap/clustersnap/internal/e2e/peers"
)

// freeURLs are of loopback.
func freeURLs(t testing.TB, n int) []string {
	t.Helper()
	urls := make([]string, n)
	for i := range urls {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close() // at the end, so that all differ
		urls[i] = "http://" + l.Addr().String()
	}
	return urls
}

// startEtcd runs a real etcd, which the test ends.
func startEtcd(t testing.TB) *clientv3.Client {
	t.Helper()
	urls := freeURLs(t, 2)
	faults.Start(t, exec.Command(peers.Etcd37.Path(t), "--data-dir", t.TempDir(), "--log-level", "error",
		"--listen-client-urls", urls[0], "--advertise-client-urls", urls[0], "--listen-peer-urls", urls[1],
		"--initial-advertise-peer-urls", urls[1], "--initial-cluster", "default="+urls[1]))
	client, err := clientv3.New(clientv3.Config{Endpoints: urls[:1], Logger: zap.NewNop(), DialTimeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

func TestFilledEtcdLooksLikeACluster(t *testing.T) {
	client := startEtcd(t)
	const size = 64 << 20
	filled, err := FillEtcd(t.Context(), client, Spec{Size: size})
	if err != nil {
		t.Fatal(err)
	}
	status, err := client.Status(t.Context(), client.Endpoints()[0])
	if err != nil {
		t.Fatal(err)
	}
	if status.DbSize < size || status.DbSize > size+64<<20 || status.DbSizeInUse > status.DbSize*9/10 {
		t.Errorf("the database has %d bytes, %d of them in use: want about %d with free pages", status.DbSize, status.DbSizeInUse, size)
	}
	if _, err := client.Get(t.Context(), "x", clientv3.WithRev(1)); !errors.Is(err, rpctypes.ErrCompacted) {
		t.Errorf("read of the first revision: %v, want it compacted", err)
	}

	all, err := client.Get(t.Context(), "", clientv3.WithFromKey())
	if err != nil {
		t.Fatal(err)
	}
	if len(all.Kvs) != filled.Objects || all.Header.Revision != filled.Revision {
		t.Errorf("%d keys at revision %d, FillEtcd says %d at %d", len(all.Kvs), all.Header.Revision, filled.Objects, filled.Revision)
	}
	kinds, edited, leased, large := map[string]int{}, 0, 0, 0
	for _, kv := range all.Kvs {
		object, _, err := scheme.Codecs.UniversalDeserializer().Decode(kv.Value, nil, nil)
		if err != nil {
			t.Fatalf("%s: %v", kv.Key, err)
		}
		named, err := meta.Accessor(object)
		if err != nil || !strings.HasSuffix(string(kv.Key), "/"+named.GetNamespace()+"/"+named.GetName()) {
			t.Errorf("%s holds %s (%v)", kv.Key, named.GetName(), err)
		}
		kinds[object.GetObjectKind().GroupVersionKind().Kind]++
		for n, is := range map[*int]bool{&edited: kv.Version > 1, &leased: kv.Lease != 0, &large: len(kv.Value) > 200<<10} {
			if is {
				*n++
			}
		}
	}
	for _, kind := range []string{"Pod", "ReplicaSet", "Event", "Lease", "ConfigMap", "Secret"} {
		if kinds[kind] < len(all.Kvs)/20 {
			t.Errorf("of %d objects only %d are of kind %s", len(all.Kvs), kinds[kind], kind)
		}
	}
	if edited < len(all.Kvs)/5 || leased != kinds["Event"] || large == 0 {
		t.Errorf("of %d objects %d are edited, %d have a lease (%d events), %d are large", len(all.Kvs), edited, leased, kinds["Event"], large)
	}
}

func TestSameSeedSameObjects(t *testing.T) {
	a, b, other := newMaker(1), newMaker(1), newMaker(2)
	differ := 0
	for i := range 300 {
		// Not in the same order: it must not count.
		first, err := a.entry(i, 0)
		if err != nil {
			t.Fatal(err)
		}
		edited, err := a.entry(i, 1)
		if err != nil {
			t.Fatal(err)
		}
		again, err := b.entry(299-i, 0)
		if err != nil {
			t.Fatal(err)
		}
		back, err := a.entry(299-i, 0)
		if err != nil {
			t.Fatal(err)
		}
		if again != back {
			t.Errorf("object %d is made in two ways", 299-i)
		}
		if edited.key != first.key || edited.value == first.value {
			t.Errorf("an edit of %s gives the key %s, and the same value: %v", first.key, edited.key, edited.value == first.value)
		}
		foreign, err := other.entry(i, 0)
		if err != nil {
			t.Fatal(err)
		}
		if foreign != first {
			differ++
		}
	}
	if differ != 300 {
		t.Errorf("another seed makes %d of 300 objects differ", differ)
	}
}

func TestFillEtcdSaysWhatWentWrong(t *testing.T) {
	client := startEtcd(t)
	client.Close()
	if _, err := FillEtcd(t.Context(), client, Spec{Size: 1}); err == nil {
		t.Error("an etcd that can't be reached was filled")
	}
}

// The speed decides whether a benchmark with a large database is worth while.
func BenchmarkFillEtcd(b *testing.B) {
	const size = 512 << 20
	for b.Loop() {
		b.StopTimer()
		client := startEtcd(b)
		b.StartTimer()
		filled, err := FillEtcd(b.Context(), client, Spec{Size: size})
		if err != nil {
			b.Fatal(err)
		}
		b.SetBytes(filled.Size)
	}
}
