package datamaker

import (
	"context"
	"sync"

	clientv3 "go.etcd.io/etcd/client/v3"
)

const (
	batchOps   = 128     // etcd's --max-txn-ops
	batchBytes = 1 << 20 // less than etcd's --max-request-bytes of 1.5 MiB
	inFlight   = 8       // transactions
)

// pass writes once to each step-th object between from and to. The order is open, so a pass has no key twice.
type pass struct {
	from, to, step int
	write          func(i int) (clientv3.Op, error)
}

// run makes and writes the objects with several goroutines.
func (p pass) run(ctx context.Context, kv clientv3.KV) error {
	return parallel(ctx, inFlight, p.step*batchOps, p.from, p.to, func(ctx context.Context, from, to int) error {
		return pass{from, to, p.step, p.write}.transactions(ctx, kv)
	})
}

// transactions gathers the writes, for one fsync each.
func (p pass) transactions(ctx context.Context, kv clientv3.KV) error {
	var ops []clientv3.Op
	size := 0
	for i := p.from; i < p.to; i += p.step {
		op, err := p.write(i)
		if err != nil {
			return err
		}
		opSize := len(op.KeyBytes()) + len(op.ValueBytes())
		if len(ops) == batchOps || size+opSize > batchBytes {
			if _, err := kv.Txn(ctx).Then(ops...).Commit(); err != nil {
				return err
			}
			ops, size = nil, 0
		}
		ops, size = append(ops, op), size+opSize
	}
	_, err := kv.Txn(ctx).Then(ops...).Commit()
	return err
}

// parallel cuts the numbers between from and to into pieces and gives them to several goroutines. The first error
// ends all.
func parallel(ctx context.Context, goroutines, piece, from, to int, do func(ctx context.Context, from, to int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	starts := make(chan int)
	var group sync.WaitGroup
	for range goroutines {
		group.Go(func() {
			for start := range starts {
				if err := do(ctx, start, min(start+piece, to)); err != nil {
					cancel(err)
				}
			}
		})
	}
	for start := from; start < to && ctx.Err() == nil; start += piece {
		starts <- start
	}
	close(starts)
	group.Wait()
	return context.Cause(ctx)
}
