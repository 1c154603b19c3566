package etcdsnap_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"reflect"
	"testing"

	"github.com/clustersnap/clustersnap/etcdsnap"
	. "github.com/clustersnap/clustersnap/etcdsnap/internal/bolttest"
)

// tiny has three pages, the least there can be.
func tiny() *Database { return tinyOf(Layout{}, true) }

func tinyOf(layout Layout, inline bool) *Database {
	return layout.Make(
		Bucket{Name: "key", Inline: inline, Items: Items(Put(2, "/registry/pods/a", "one"), Put(3, "/registry/pods/b", "two"), Delete(4, "/registry/pods/a"))},
		Bucket{Name: "meta", Inline: true, Items: []Item{{Key: []byte("consistent_index"), Value: number(9)}}},
	)
}

func TestEveryTruncation(t *testing.T) {
	t.Parallel()
	b := tiny().Snapshot()
	check := func(n int, err error) {
		want := io.ErrUnexpectedEOF
		if n == len(b)-32 { // the digest exactly: it could be a copy of a file
			want = etcdsnap.ErrNoDigest
		}
		if !errors.Is(err, want) || !errors.Is(err, etcdsnap.ErrCorrupt) {
			t.Fatalf("the first %d of %d bytes: %v, want %v and ErrCorrupt", n, len(b), err, want)
		}
	}
	for n := range b {
		_, err := etcdsnap.VerifyBytes(b[:n], etcdsnap.VerifyOptions{}, 0)
		check(n, err)
		if n%100 == 0 || n == len(b)-32 {
			_, err := etcdsnap.Verify(context.Background(), bytes.NewReader(b[:n]), etcdsnap.VerifyOptions{})
			check(n, err)
		}
		if _, err := etcdsnap.Open(bytes.NewReader(b[:n]), int64(n)); n < len(b)-32 {
			check(n, err)
		} else if err != nil { // the digest is not read
			t.Fatalf("the file of the first %d of %d bytes: %v", n, len(b), err)
		}
	}
}

func TestEveryFlip(t *testing.T) {
	t.Parallel()
	b := tiny().Snapshot()
	for i := range b {
		b[i] ^= 1 << (i % 8)
		if _, err := etcdsnap.VerifyBytes(b, etcdsnap.VerifyOptions{}, 0); !errors.Is(err, etcdsnap.ErrCorrupt) {
			t.Fatalf("byte %d of %d flipped: %v, want ErrCorrupt", i, len(b), err)
		}
		b[i] ^= 1 << (i % 8)
	}
}

// A disk that flips bits below etcd has it send them with the right digest. Of these only what no tree shows can stay unseen: the
// rest of a page, values, the key of a record, the revision of a tombstone. The file and the stream see the same.
func TestEveryFlipBeforeTheDigest(t *testing.T) {
	t.Parallel()
	db := tinyOf(Layout{PerLeaf: 2, Freelist: true}, false)
	clean := db.Bytes()
	was, err := acceptance(t, clean)
	if err != nil {
		t.Fatal(err)
	}
	tried, refused := 0, 0
	for i := range clean {
		if clean[i] == 0 && i%4096 > 100 {
			continue // the rest of a page
		}
		for _, bit := range []int{0, 3, 7} {
			b := bytes.Clone(clean)
			b[i] ^= 1 << bit
			tried++
			c, err := acceptance(t, b)
			if err != nil {
				refused++
				continue
			}
			if uint64(i/4096) == db.Leaves["key"][1] { // that of the tombstone, which is the last record
				c.Revision = was.Revision
			}
			c.Hash, c.Keyspace, c.ConsistentIndex = was.Hash, was.Keyspace, was.ConsistentIndex
			if !reflect.DeepEqual(c, was) {
				t.Errorf("byte %d of page %d, bit %d flipped: accepted as\n%+v, was\n%+v", i%4096, i/4096, bit, c, was)
			}
		}
	}
	t.Logf("%d of %d flips are refused", refused, tried)
	if refused < tried/2 {
		t.Errorf("only %d flips are refused", refused)
	}
}

// acceptance sees to it that a database is accepted as a stream and as a file, with the same content, or refused as
// damaged by both; that its snapshot is accepted only if it is; and that all that reads the file ends, without an error where
// it is accepted. The error is the snapshot's.
func acceptance(t *testing.T, b []byte) (*etcdsnap.Content, error) {
	t.Helper()
	snapshot, err := etcdsnap.VerifyBytes(Sealed(b), etcdsnap.VerifyOptions{}, 0)
	stream, serr := etcdsnap.VerifyBytes(b, etcdsnap.VerifyOptions{NoDigest: true}, 0)
	file, ferr := readAll(t, b)
	for what, err := range map[string]error{"snapshot": err, "stream": serr, "file": ferr} {
		if err != nil && !errors.Is(err, etcdsnap.ErrCorrupt) {
			t.Fatalf("the %s is refused with %v, want ErrCorrupt", what, err)
		}
	}
	switch {
	case (serr == nil) != (ferr == nil):
		t.Fatalf("the stream: %v; the file: %v", serr, ferr)
	case err == nil && serr != nil:
		t.Fatalf("the snapshot is accepted, and the stream: %v", serr)
	case serr == nil && !reflect.DeepEqual(file, stream.Content):
		t.Fatalf("the file has\n%+v, the stream\n%+v", file, stream.Content)
	case err == nil && !reflect.DeepEqual(snapshot.Content, stream.Content):
		t.Fatalf("the snapshot has\n%+v, the stream\n%+v", snapshot.Content, stream.Content)
	}
	return snapshot.Content, err
}

// readAll walks a file, and reads all of it in each other way.
func readAll(t *testing.T, b []byte) (*etcdsnap.Content, error) {
	t.Helper()
	ctx := context.Background()
	s, err := etcdsnap.Open(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return nil, err
	}
	c, err := s.Content(ctx, "")
	var errs []error
	for _, rev := range []int64{0, s.CompactRevision(), s.Revision()} {
		for kv, rerr := range s.Range(ctx, "", rev) {
			errs = append(errs, rerr)
			if rerr == nil && len(errs) < 20 {
				_, gerr := s.Get(ctx, string(kv.Key), rev)
				errs = append(errs, gerr)
			}
		}
		_, herr := s.HashKV(ctx, rev, 0)
		errs = append(errs, herr)
	}
	for _, eerr := range s.Events(ctx, "", 0) {
		errs = append(errs, eerr)
	}
	if rerr := errors.Join(errs...); err == nil && rerr != nil {
		t.Fatalf("the file is accepted, and can't be read: %v", rerr)
	}
	return c, err
}
