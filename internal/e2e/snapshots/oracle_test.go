package snapshots

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.etcd.io/bbolt"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/clustersnap/clustersnap/etcdsnap"
	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/internal/e2e/etcdbed"
	"github.com/clustersnap/clustersnap/internal/e2e/peers"
)

// churned gives a small snapshot of an etcd where much was written, deleted and compacted.
func churned(t testing.TB, etcd peers.Program) (*etcdbed.Cluster, string, *etcdsnap.Saved) {
	t.Helper()
	c := etcdbed.Start(t, etcdbed.Options{Etcd: etcd})
	load := c.Load(t, etcdbed.LoadOptions{Compact: true})
	load.Await(1500)
	load.Stop()
	client := c.Client(t)
	latest, err := client.Get(t.Context(), "/none")
	if err != nil {
		t.Fatal(err)
	}
	// On a busy machine the load has not come to it yet.
	if _, err := client.Compact(t.Context(), latest.Header.Revision-100); err != nil && !errors.Is(err, rpctypes.ErrCompacted) {
		t.Fatal(err)
	}
	path, saved := save(t, client, etcdsnap.Options{})
	return c, path, saved
}

// What is read from a snapshot is what etcd answers, at the latest revision and at older ones.
func TestReadsLikeEtcd(t *testing.T) {
	for version, etcd := range etcdbed.Versions() {
		t.Run("etcd "+version, func(t *testing.T) {
			c, path, saved := churned(t, etcd)
			client, s := c.Client(t), open(t, path)
			first, last := s.CompactRevision(), s.Revision()
			for _, rev := range []int64{0, last, (first + last) / 2, first} {
				for _, prefix := range []string{"", "/registry/", "/registry/pods/", "/none"} {
					want, err := client.Get(t.Context(), prefix, clientv3.WithPrefix(), clientv3.WithRev(rev))
					if err != nil {
						t.Fatal(err)
					}
					i := 0
					for kv, err := range s.Range(t.Context(), prefix, rev) {
						if err != nil {
							t.Fatal(err)
						}
						if i >= len(want.Kvs) || kv.String() != want.Kvs[i].String() {
							t.Fatalf("revision %d, prefix %q: key %d is %q, and not etcd's", rev, prefix, i, kv.Key)
						}
						i++
					}
					if i != len(want.Kvs) {
						t.Errorf("revision %d, prefix %q: %d keys, etcd has %d", rev, prefix, i, len(want.Kvs))
					}
				}
			}
			for _, err := range s.Range(t.Context(), "", first-1) {
				if !errors.Is(err, etcdsnap.ErrCompacted) {
					t.Errorf("before the compaction: %v", err)
				}
			}
			sum := int64(0)
			for _, r := range saved.Content.Keyspace.Resources {
				sum += r.Keys
			}
			all, err := client.Get(t.Context(), "", clientv3.WithFromKey(), clientv3.WithCountOnly())
			if err != nil || sum != all.Count || sum != saved.Content.Keyspace.Keys {
				t.Errorf("%d keys of resources, %d in all, etcd has %d (%v)", sum, saved.Content.Keyspace.Keys, all.Count, err)
			}
		})
	}
}

// Whatever we take, bbolt must find sound: the digest is made right again after each damage, so that it does not speak for us.
func TestBboltIsTheOracle(t *testing.T) {
	_, path, _ := churned(t, peers.Etcd37)
	sound, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	sound = sound[:len(sound)-sha256.Size]
	r := rand.New(rand.NewPCG(7, uint64(len(sound))))
	const tries = 500
	taken := 0
	for i := range tries {
		b := bytes.Clone(sound)
		for range 1 + i%3 {
			b[place(r, i, len(b))] ^= 1 << r.IntN(8)
		}
		sum := sha256.Sum256(b)
		b = append(b, sum[:]...)
		info, err := etcdsnap.Verify(t.Context(), bytes.NewReader(b), etcdsnap.VerifyOptions{})
		s, oerr := etcdsnap.Open(bytes.NewReader(b), int64(len(b)))
		if oerr == nil {
			var content *etcdsnap.Content
			content, oerr = s.Content(t.Context(), "")
			if err == nil && oerr == nil && content.Hash != info.Content.Hash {
				t.Fatalf("damage %d: hashes %x and %x", i, content.Hash, info.Content.Hash)
			}
			for range s.Range(t.Context(), "", 0) { // an error, or not: but an end
			}
		}
		if err != nil {
			if !errors.Is(err, etcdsnap.ErrCorrupt) {
				t.Fatalf("damage %d: %v", i, err)
			}
			continue
		}
		if oerr != nil {
			t.Fatalf("damage %d: taken as a stream, and as a file: %v", i, oerr)
		}
		taken++
		bboltReads(t, b, info)
	}
	if taken == 0 || taken == tries {
		t.Errorf("%d of %d are taken: the damage was not of both kinds", taken, tries)
	}
}

// place is anywhere for some, and in the headers of pages for others.
func place(r *rand.Rand, i, size int) int {
	if i%2 == 0 {
		return r.IntN(size)
	}
	return r.IntN(size/4096)*4096 + r.IntN(64)
}

// bboltReads has bbolt check a database, in which case it is known to be harmless.
func bboltReads(t *testing.T, b []byte, info etcdsnap.Info) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "db")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := bbolt.Open(path, 0o400, &bbolt.Options{ReadOnly: true, PreLoadFreelist: true})
	if err != nil {
		t.Fatalf("bbolt does not open what we took: %v", err)
	}
	defer db.Close()
	if err := db.View(func(tx *bbolt.Tx) error {
		for err := range tx.Check() {
			t.Errorf("bbolt finds what we did not: %v", err)
		}
		n := int64(0)
		err := tx.Bucket([]byte("key")).ForEach(func(_, _ []byte) error { n++; return nil })
		if n != info.Content.Records {
			t.Errorf("bbolt reads %d records, we %d", n, info.Content.Records)
		}
		return err
	}); err != nil {
		t.Error(err)
	}
}

// Any one byte flipped, everywhere in a small snapshot of more than 64 KiB and here and there in a larger one, and
// any truncation.
func TestDamageIsFound(t *testing.T) {
	c := etcdbed.Start(t, etcdbed.Options{})
	client := c.Client(t)
	for i := range 10 {
		if _, err := client.Put(t.Context(), fmt.Sprint("/registry/configmaps/default/", i), strings.Repeat("x", 5000)); err != nil {
			t.Fatal(err)
		}
	}
	small, saved := save(t, client, etcdsnap.Options{})
	out, err := exec.Command(command.Build(t, "..", "./flipsnap"), small).CombinedOutput()
	if err != nil || string(out) != fmt.Sprintln(saved.Size) || saved.Size < 64<<10 {
		t.Errorf("of %d bytes: %v: %s", saved.Size, err, out)
	}
	_, large, _ := churned(t, peers.Etcd37)
	for _, path := range []string{small, large} {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		damaged(t, b)
	}
}

// damaged flips some bytes of a snapshot, and cuts it off at some places.
func damaged(t *testing.T, b []byte) {
	t.Helper()
	const tries = 100
	r := rand.New(rand.NewPCG(1, uint64(len(b))))
	for range tries {
		i, bit := r.IntN(len(b)), byte(1<<r.IntN(8))
		b[i] ^= bit
		if _, err := etcdsnap.Verify(t.Context(), bytes.NewReader(b), etcdsnap.VerifyOptions{}); !errors.Is(err, etcdsnap.ErrCorrupt) {
			t.Fatalf("byte %d of %d flipped: %v", i, len(b), err)
		}
		b[i] ^= bit
	}
	for range tries {
		n := r.IntN(len(b))
		_, err := etcdsnap.Verify(t.Context(), bytes.NewReader(b[:n]), etcdsnap.VerifyOptions{})
		if !errors.Is(err, etcdsnap.ErrCorrupt) || !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, etcdsnap.ErrNoDigest) {
			t.Fatalf("the first %d of %d bytes: %v", n, len(b), err)
		}
	}
}
