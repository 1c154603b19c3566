package datamaker

import (
	"context"
	"fmt"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// Spec says how much [FillEtcd] makes, and what.
type Spec struct {
	// Size is how large the database gets, in bytes, as etcd's Status tells it (DbSize): at least that, and
	// at most a wave more. It must be well below etcd's quota, which is 2 GiB by default.
	Size int64
	// Seed chooses the objects. The same seed makes the same ones, wave by wave; how many waves give Size is
	// up to etcd.
	Seed uint64
}

// Filled is what FillEtcd has made.
type Filled struct {
	Objects  int   // that are there now
	Revision int64 // of etcd after the last write
	Size     int64 // of the database, in bytes
}

const (
	waveObjects  = 4000    // 32 MiB, and a third more of updates
	compactEvery = 8       // waves
	leaseSeconds = 60 * 60 // kube-apiserver's --event-ttl
)

// FillEtcd fills an etcd, which should be empty, until its database has a size. It writes in waves: new objects,
// updates of a third of them, deletes of a tenth. Now and then, and at the end, it compacts all that is older than
// the last wave. The client's first endpoint is asked for the size. After an error the etcd is partly full.
func FillEtcd(ctx context.Context, client *clientv3.Client, spec Spec) (Filled, error) {
	f := filler{client, newMaker(spec.Seed)}
	var filled Filled
	for wave := 0; filled.Size < spec.Size; wave++ {
		last := filled.Revision
		var err error
		if filled, err = f.wave(ctx, wave); err != nil {
			return Filled{}, fmt.Errorf("fill etcd: %w", err)
		}
		if last > 0 && (wave%compactEvery == 0 || filled.Size >= spec.Size) {
			// Physical: the pages are free when it returns, so that the next waves use them.
			if _, err := client.Compact(ctx, last, clientv3.WithCompactPhysical()); err != nil {
				return Filled{}, fmt.Errorf("compact etcd: %w", err)
			}
		}
	}
	return filled, nil
}

type filler struct {
	client *clientv3.Client
	maker  *maker
}

// wave writes the objects of one wave and gives the state after it.
func (f filler) wave(ctx context.Context, wave int) (Filled, error) {
	lease, err := f.client.Grant(ctx, leaseSeconds)
	if err != nil {
		return Filled{}, err
	}
	put := func(edit int) func(i int) (clientv3.Op, error) {
		return func(i int) (clientv3.Op, error) {
			e, err := f.maker.entry(i, edit)
			if e.leased {
				return clientv3.OpPut(e.key, e.value, clientv3.WithLease(lease.ID)), err
			}
			return clientv3.OpPut(e.key, e.value), err
		}
	}
	remove := func(i int) (clientv3.Op, error) {
		e, err := f.maker.entry(i, 0)
		return clientv3.OpDelete(e.key), err
	}
	from, to := wave*waveObjects, (wave+1)*waveObjects
	for _, p := range []pass{
		{from, to, 1, put(0)},
		{from, to, 4, put(1)},
		{from, to, 12, put(2)},
		{from + 1, to, 10, remove},
	} {
		if err := p.run(ctx, f.client); err != nil {
			return Filled{}, err
		}
	}
	status, err := f.client.Status(ctx, f.client.Endpoints()[0])
	if err != nil {
		return Filled{}, err
	}
	return Filled{to - to/10, status.Header.Revision, status.DbSize}, nil
}
