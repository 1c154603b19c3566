package restore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"

	"go.etcd.io/etcd/api/v3/version"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"
	"go.etcd.io/etcd/server/v3/etcdserver/api/v3client"
	"go.uber.org/zap"

	"github.com/clustersnap/clustersnap/internal/durable"
)

// Proof says what a booted etcd showed.
type Proof struct {
	Result
	// Version is that of the etcd which booted: the one that this module links.
	Version string `json:"version"`
	// Keys and Bytes count all live keys, each of which was read, and their values.
	Keys  int64 `json:"keys"`
	Bytes int64 `json:"bytes"`
}

// Prove restores the snapshot src into a fresh directory below scratch, boots etcd on it, reads every key, and
// removes the directory; one that a killed Prove has left there goes, too. Scratch is a directory with room for
// the snapshot twice and 160 MiB. If check is not nil it is given a client of the booted etcd, after the keys
// have been read; the client is closed when check returns.
//
// The etcd is alone: it is reached in memory and by sockets in a directory of mode 0700, not by any network port, and
// what it does to the data (it revokes leases that have expired, and raises the storage version to its own)
// goes with the directory. A snapshot of an etcd with authentication on can't be proved: reading wants a user.
func Prove(ctx context.Context, scratch string, src io.Reader, check func(context.Context, *clientv3.Client) error) (_ *Proof, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("prove snapshot by booting etcd: %w", err)
		}
	}()
	// A socket's path may have about 100 bytes, and scratch may be deep.
	sockets, err := durable.CreateDir(filepath.Join(os.TempDir(), "clustersnap-boot-sockets"))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, durable.Discard(sockets)) }()
	dir, err := durable.CreateDir(filepath.Join(scratch, "clustersnap-boot"))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, durable.Discard(dir)) }()

	m := Member{Name: "proof", PeerURL: "http://127.0.0.1:2380", DataDir: filepath.Join(dir.Name(), "etcd")}
	result, err := restore(ctx, src, m, 0)
	if err != nil {
		return nil, err
	}
	proof := &Proof{Result: *result}
	var panicked any // in check: the caller's own
	guarded := func(ctx context.Context, client *clientv3.Client) error {
		if check == nil {
			return nil
		}
		defer func() { panicked = recover() }()
		return check(ctx, client)
	}
	err = guard(func(lg *zap.Logger) error { return boot(ctx, lg, m, sockets.Name(), proof, guarded) })
	if panicked != nil {
		panic(panicked)
	}
	if err != nil {
		return nil, err
	}
	return proof, nil
}

func boot(ctx context.Context, lg *zap.Logger, m Member, sockets string, proof *Proof, check func(context.Context, *clientv3.Client) error) error {
	cfg := embed.NewConfig()
	cfg.Name, cfg.Dir = m.Name, m.DataDir
	cfg.InitialCluster = m.Name + "=" + m.PeerURL
	cfg.ListenClientUrls = []url.URL{{Scheme: "unix", Path: filepath.Join(sockets, "client")}}
	cfg.ListenPeerUrls = []url.URL{{Scheme: "unix", Path: filepath.Join(sockets, "peer")}}
	cfg.AdvertiseClientUrls = cfg.ListenClientUrls
	peer, err := url.Parse(m.PeerURL)
	if err != nil {
		return err
	}
	cfg.AdvertisePeerUrls = []url.URL{*peer}
	cfg.ZapLoggerBuilder = embed.NewZapLoggerBuilder(lg)

	e, err := embed.StartEtcd(cfg)
	if err != nil {
		return err
	}
	defer e.Close()
	select {
	case <-e.Server.ReadyNotify():
	case err := <-e.Err():
		return fmt.Errorf("etcd does not start: %w", err)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	client := v3client.New(e.Server)
	defer client.Close()
	if err := proof.read(ctx, client); err != nil {
		return err
	}
	return check(ctx, client)
}

// read reads every key at the first revision, page by page.
func (p *Proof) read(ctx context.Context, client *clientv3.Client) error {
	p.Version = version.Version
	const page = 500
	from, revision := "\x00", int64(0)
	for {
		r, err := client.Get(ctx, from, clientv3.WithFromKey(), clientv3.WithLimit(page), clientv3.WithRev(revision))
		if err != nil {
			return fmt.Errorf("read keys: %w", err)
		}
		if revision == 0 {
			if revision = r.Header.GetRevision(); revision < p.Revision {
				return fmt.Errorf("etcd booted at revision %d, before the restored %d", revision, p.Revision)
			}
		}
		for _, kv := range r.Kvs {
			p.Keys++
			p.Bytes += int64(len(kv.Value))
		}
		if !r.More {
			return nil
		}
		from = string(r.Kvs[len(r.Kvs)-1].Key) + "\x00"
	}
}
