package restore

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"os"

	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/storage/mvcc"

	"github.com/clustersnap/clustersnap/etcdsnap"
)

// contents are what a snapshot or a member holds at one revision.
type contents struct {
	keys, bytes int64
	sum         string // SHA-256 over all live keys, in their order
	hash        uint32 // etcd's HashKV
}

// hashAt is what the hash becomes with the empty record that a restore puts at a revision.
func (c contents) hashAt(revision int64) uint32 {
	key := mvcc.RevToBytes(mvcc.Revision{Main: revision}, mvcc.NewRevBytes())
	return crc32.Update(c.hash, crc32.MakeTable(crc32.Castagnoli), key)
}

// adder adds up keys.
type adder struct {
	contents
	sha hash.Hash
}

func newAdder() *adder { return &adder{sha: sha256.New()} }

func (a *adder) add(kv *mvccpb.KeyValue) {
	a.keys++
	a.bytes += int64(len(kv.Value))
	var b []byte
	for _, n := range []int64{int64(len(kv.Key)), int64(len(kv.Value)), kv.CreateRevision, kv.ModRevision, kv.Version, kv.Lease} {
		b = binary.BigEndian.AppendUint64(b, uint64(n))
	}
	for _, part := range [][]byte{b, kv.Key, kv.Value} {
		a.sha.Write(part)
	}
}

func (a *adder) done() contents {
	a.sum = hex.EncodeToString(a.sha.Sum(nil))
	return a.contents
}

// readSnapshot reads what is live at the end of a snapshot that was verified, and its hash after a compaction there, as a
// restore makes it.
func readSnapshot(ctx context.Context, db string) (contents, error) {
	f, err := os.Open(db)
	if err != nil {
		return contents{}, err
	}
	defer f.Close()
	stat, err := f.Stat()
	if err != nil {
		return contents{}, err
	}
	s, err := etcdsnap.Open(f, stat.Size())
	if err != nil {
		return contents{}, err
	}
	a := newAdder()
	for kv, err := range s.Range(ctx, "", 0) {
		if err != nil {
			return contents{}, err
		}
		a.add(kv)
	}
	a.hash, err = s.HashKV(ctx, s.Revision(), s.Revision())
	return a.done(), err
}

// readMember reads all keys of a member at a revision, page by page, and asks for its hash there.
func readMember(ctx context.Context, n *node, revision int64) (contents, error) {
	const page = 50 // values of 40 MiB would still fit into an answer
	a, from := newAdder(), "\x00"
	for more := true; more; {
		r, err := n.client.Get(ctx, from, clientv3.WithFromKey(), clientv3.WithLimit(page), clientv3.WithRev(revision))
		if err != nil {
			return contents{}, fmt.Errorf("read keys at revision %d: %w", revision, err)
		}
		for _, kv := range r.Kvs {
			a.add(kv)
			from = string(kv.Key) + "\x00"
		}
		more = r.More
	}
	r, err := n.client.HashKV(ctx, n.endpoint, revision)
	if err != nil {
		return contents{}, fmt.Errorf("ask for the hash at revision %d: %w", revision, err)
	}
	a.hash = r.Hash
	return a.done(), nil
}

// watch begins where a client would that was connected to the old cluster.
func (p *Proof) watch(ctx context.Context, client *clientv3.Client) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r, ok := <-client.Watch(ctx, "\x00", clientv3.WithFromKey(), clientv3.WithRev(p.CompactedFrom))
	if !ok {
		return fmt.Errorf("watch: %w", context.Cause(ctx))
	}
	if err := r.Err(); !errors.Is(err, rpctypes.ErrCompacted) {
		return fmt.Errorf("a watch from revision %d is not ended as compacted, and would miss what happened (%v)", p.CompactedFrom, err)
	}
	return nil
}
