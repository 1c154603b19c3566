package restore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"github.com/clustersnap/clustersnap/internal/durable"
)

// ProveOptions changes how Prove works.
type ProveOptions struct {
	// Etcd is the path of the etcd to be booted. It has to be one that can start from the snapshot, as of [Options.Etcd]. Empty means
	// the one that this module links, in this process: that starts from snapshots of 3.5 and 3.6, too.
	Etcd string
	// NoDigest and DespiteCorruption are those of Options.
	NoDigest, DespiteCorruption bool
	// Check, if not nil, is given a client of the booted etcd after all else has been found good. The client is closed when it returns.
	Check func(context.Context, *clientv3.Client) error
}

// Proof says what a booted etcd showed. Without any of it there is an error instead of a Proof.
type Proof struct {
	// Result is that of the restore that was booted, without its members.
	Result
	// Version is that of the etcd which booted.
	Version string `json:"version"`
	// Keys and Bytes count all live keys and their values: each was read through etcd's API.
	Keys  int64 `json:"keys"`
	Bytes int64 `json:"bytes"`
	// Keyspace is a SHA-256, in hexadecimal, over all live keys in their order, with values, revisions, versions and leases. The
	// booted etcd gave the same as the snapshot holds.
	Keyspace string `json:"keyspace"`
	// HashKV is etcd's own hash over all records that are left at Revision. The booted etcd, a member that was added to it
	// later, and the snapshot agree on it.
	HashKV uint32 `json:"hashKV"`
	// CompactedFrom is the revision from which a watch was begun, the snapshot's: etcd ended it as compacted.
	CompactedFrom int64 `json:"compactedFrom"`
	// Joined is the ID, in hexadecimal, of the member that was added later (etcd-io/etcd#6361).
	Joined string `json:"joined"`
}

// Prove restores the snapshot src into a fresh directory below scratch, boots etcd on it, and holds what etcd has against the
// snapshot: every key is read, the hashes are compared, a watch from before is ended, and a member that joins has all of it. Then it
// removes the directory; one that a killed Prove has left there goes, too. Scratch is a directory with room for the snapshot
// twice and 320 MiB.
//
// Nobody else can reach the etcd: clients go through a socket in a directory of mode 0700, and the members' ports on
// loopback ask for a certificate of this very proof. What it does to the data (leases expire, the storage version is raised to
// its own) goes with the directory. Authentication is off there, whatever the snapshot says.
//
// A deadline comes from ctx: an etcd that hangs is waited for. The error wraps those of [Restore], or is etcd's or the check's.
func Prove(ctx context.Context, scratch string, src io.Reader, opts ProveOptions) (*Proof, error) {
	proof, err := prove(ctx, scratch, src, opts)
	if err != nil {
		return nil, fmt.Errorf("prove snapshot by booting etcd: %w", err)
	}
	return proof, nil
}

func prove(ctx context.Context, scratch string, src io.Reader, opts ProveOptions) (_ *Proof, err error) {
	b := &bench{etcd: opts.Etcd}
	version, err := etcdVersion(ctx, opts.Etcd)
	if err != nil {
		return nil, err
	}
	// A socket's path may have about 100 bytes, so this one is short, and not in scratch, which may be deep.
	sockets, err := durable.CreateDir(filepath.Join(os.TempDir(), "clustersnap"))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, durable.Discard(sockets)) }()
	dir, err := durable.CreateDir(filepath.Join(scratch, "clustersnap-boot"))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, durable.Discard(dir)) }()
	b.dir, b.sockets = dir.Name(), sockets.Name()
	if err := b.makeCertificates(); err != nil {
		return nil, err
	}

	first, err := b.newNode("proof")
	if err != nil {
		return nil, err
	}
	boots := "" // the linked one starts from all that is supported
	if opts.Etcd != "" {
		boots = version
	}
	var want contents
	result, err := restore(ctx, src, []Member{{Name: first.name, PeerURLs: []string{first.peerURL}, DataDir: first.dataDir}}, 0, Options{
		NoDigest: opts.NoDigest, DespiteCorruption: opts.DespiteCorruption, DropAuth: true, Etcd: boots,
		inspect: func(ctx context.Context, db string) (err error) {
			want, err = readSnapshot(ctx, db)
			return err
		},
	})
	if err != nil {
		return nil, err
	}
	b.token = result.ClusterToken
	proof := &Proof{Result: *result, Version: version, Keys: want.keys, Bytes: want.bytes, Keyspace: want.sum, CompactedFrom: result.SnapshotRevision}
	proof.HashKV = want.hashAt(result.Revision)
	proof.Members = nil // of a directory that goes
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var panicked any // in Check: the caller's own
	check := func(ctx context.Context, client *clientv3.Client) (err error) {
		if err := context.Cause(ctx); err != nil || opts.Check == nil {
			return err
		}
		defer func() {
			if panicked = recover(); panicked != nil {
				err = errors.New("the check panics")
			}
		}()
		return opts.Check(ctx, client)
	}
	shown := make(chan struct{})
	err = guard(func(lg *zap.Logger) error {
		defer close(shown)
		return proof.show(ctx, cancel, lg, b, first, check)
	})
	cancel(err)
	select {
	case <-shown:
		if panicked != nil {
			panic(panicked)
		}
	case <-time.After(abandonAfter): // etcd's code has given up, and left its goroutine behind
	}
	if err != nil {
		return nil, err
	}
	return proof, nil
}

// abandonAfter is how long what guard has given up is waited for.
const abandonAfter = 10 * time.Second

// show boots the first member, holds it against what is expected, and has another one join. The context ends with either of them.
func (p *Proof) show(ctx context.Context, cancel context.CancelCauseFunc, lg *zap.Logger, b *bench, first *node, check func(context.Context, *clientv3.Client) error) (err error) {
	if err := b.start(lg, first, first); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, first.stop()) }()
	first.follow(ctx, cancel)
	if err := first.await(ctx); err != nil {
		return err
	}
	if err := p.holds(ctx, first); err != nil {
		return err
	}
	if err := p.watch(ctx, first.client); err != nil {
		return err
	}
	if err := check(ctx, first.client); err != nil {
		return err
	}
	second, err := b.newNode("joined")
	if err != nil {
		return err
	}
	added, err := first.client.MemberAddAsLearner(ctx, []string{second.peerURL})
	if err != nil {
		return fmt.Errorf("add a member: %w", err)
	}
	p.Joined = fmt.Sprintf("%x", added.Member.GetID())
	if err := b.start(lg, second, first, second); err != nil {
		return fmt.Errorf("join: %w", err)
	}
	defer func() { err = errors.Join(err, second.stop()) }()
	second.follow(ctx, cancel)
	if err := first.promote(ctx, second, added.Member.GetID()); err != nil {
		return fmt.Errorf("join: %w", err)
	}
	if err := p.holds(ctx, second); err != nil {
		return fmt.Errorf("the member that joined: %w", err)
	}
	return nil
}

// holds reads all of a member.
func (p *Proof) holds(ctx context.Context, n *node) error {
	got, err := readMember(ctx, n, p.Revision)
	switch {
	case err != nil:
		return err
	case got.keys != p.Keys || got.bytes != p.Bytes:
		return fmt.Errorf("etcd has %d keys with %d bytes, and the snapshot %d with %d", got.keys, got.bytes, p.Keys, p.Bytes)
	case got.sum != p.Keyspace:
		return fmt.Errorf("etcd has other keys or values than the snapshot: %s instead of %s", got.sum, p.Keyspace)
	case got.hash != p.HashKV:
		return fmt.Errorf("etcd's HashKV at revision %d is %d, and the snapshot's %d", p.Revision, got.hash, p.HashKV)
	}
	return nil
}
