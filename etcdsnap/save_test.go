package etcdsnap_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/clustersnap/clustersnap/etcdsnap"
)

// faulty stands in for an etcd that does what a real one won't do on demand. Saves from
// real servers are tested in internal/e2e.
type faulty struct {
	endpoints []string
	stream    func(ctx context.Context) io.Reader
}

func (f faulty) Endpoints() []string { return f.endpoints }

func (f faulty) Status(context.Context, string) (*clientv3.StatusResponse, error) {
	header := &etcdserverpb.ResponseHeader{MemberId: 0xabc, ClusterId: 0xdef, Revision: 42}
	return &clientv3.StatusResponse{Header: header, Version: "3.6.8"}, nil
}

func (f faulty) SnapshotWithVersion(ctx context.Context) (*clientv3.SnapshotResponse, error) {
	return &clientv3.SnapshotResponse{Snapshot: io.NopCloser(f.stream(ctx)), Version: "3.6.0"}, nil
}

var one = []string{"https://127.0.0.1:2379"}

func sending(b []byte) faulty {
	return faulty{one, func(context.Context) io.Reader { return bytes.NewReader(b) }}
}

func TestSave(t *testing.T) {
	b := good.bytes()
	var got bytes.Buffer
	saved, err := etcdsnap.Save(context.Background(), &got, sending(b), etcdsnap.Options{})
	if err != nil {
		t.Fatal(err)
	}
	info, err := etcdsnap.Verify(context.Background(), bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	want := etcdsnap.Saved{
		Info: info, Endpoint: one[0], MemberID: "abc", ClusterID: "def",
		Version: "3.6.8", StorageVersion: "3.6.0", MinRevision: 42,
	}
	if *saved != want {
		t.Errorf("saved %+v, want %+v", *saved, want)
	}
	if !bytes.Equal(got.Bytes(), b) {
		t.Error("the bytes written are not those sent")
	}
}

func TestSaveRefusesDamage(t *testing.T) {
	b := good.bytes()
	flipped := bytes.Clone(b)
	flipped[9999] ^= 1
	for name, b := range map[string][]byte{"flipped": flipped, "cut": b[:len(b)-32], "empty": nil, "long": append(b, 1)} {
		if _, err := etcdsnap.Save(context.Background(), io.Discard, sending(b), etcdsnap.Options{}); !errors.Is(err, etcdsnap.ErrCorrupt) {
			t.Errorf("%s: %v, want ErrCorrupt", name, err)
		}
	}
}

// blocked waits as the real client's stream does: until its context ends.
type blocked struct{ ctx context.Context }

func (b blocked) Read([]byte) (int, error) {
	<-b.ctx.Done()
	return 0, b.ctx.Err()
}

// emptyForever is etcd-io/etcd#22125: messages without a byte, as fast as they go.
type emptyForever struct{ ctx context.Context }

func (e emptyForever) Read([]byte) (int, error) { return 0, e.ctx.Err() }

func TestSaveStalled(t *testing.T) {
	b := good.bytes()
	for name, rest := range map[string]func(context.Context) io.Reader{
		"silent":         func(ctx context.Context) io.Reader { return blocked{ctx} },
		"empty messages": func(ctx context.Context) io.Reader { return emptyForever{ctx} },
	} {
		for _, sent := range []int{0, 5000} {
			src := faulty{one, func(ctx context.Context) io.Reader {
				return io.MultiReader(bytes.NewReader(b[:sent]), rest(ctx))
			}}
			_, err := etcdsnap.Save(context.Background(), io.Discard, src, etcdsnap.Options{Stall: time.Millisecond})
			if !errors.Is(err, etcdsnap.ErrStalled) {
				t.Errorf("%s after %d bytes: %v, want ErrStalled", name, sent, err)
			}
		}
	}
}

func TestSaveEndsWithContext(t *testing.T) {
	why := errors.New("the operator pressed ^C")
	ctx, cancel := context.WithCancelCause(context.Background())
	src := faulty{one, func(ctx context.Context) io.Reader {
		cancel(why)
		return blocked{ctx}
	}}
	if _, err := etcdsnap.Save(ctx, io.Discard, src, etcdsnap.Options{}); !errors.Is(err, why) {
		t.Errorf("got %v, want the context's cause", err)
	}
}

type full struct{ err error }

func (f full) Write([]byte) (int, error) { return 0, f.err }

func TestSaveToFullDisk(t *testing.T) {
	boom := errors.New("no space left on device")
	if _, err := etcdsnap.Save(context.Background(), full{boom}, sending(good.bytes()), etcdsnap.Options{}); !errors.Is(err, boom) {
		t.Errorf("got %v, want the writer's error", err)
	}
}

func TestSaveWantsOneEndpoint(t *testing.T) {
	for _, endpoints := range [][]string{nil, {"http://a:1", "http://b:1"}} {
		src := sending(good.bytes())
		src.endpoints = endpoints
		if _, err := etcdsnap.Save(context.Background(), io.Discard, src, etcdsnap.Options{}); err == nil {
			t.Errorf("a client of %d endpoints is accepted", len(endpoints))
		}
	}
}
