package etcdbed

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// LoadOptions say what goes on beside the writes.
type LoadOptions struct {
	// Compact compacts all but the last 500 revisions, again and again, and Defragment defragments one member after the other.
	Compact, Defragment bool
}

// Load is what clients do to a cluster: writes of all kinds, by four of them. That members die is no matter.
type Load struct {
	stop    context.CancelFunc
	running sync.WaitGroup

	mu     sync.Mutex
	more   *sync.Cond
	writes int64
}

const writers = 4

// Load starts them. They end with Stop, or with the test.
func (c *Cluster) Load(t testing.TB, opts LoadOptions) *Load {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	l := &Load{stop: cancel}
	l.more = sync.NewCond(&l.mu)
	client := c.Client(t)
	for i := range writers {
		w := writer{client, rand.New(rand.NewPCG(uint64(i), 1)), i}
		l.running.Go(func() {
			for ctx.Err() == nil {
				if n, err := w.write(ctx); err == nil {
					l.add(n)
				}
			}
		})
	}
	if opts.Compact {
		l.running.Go(func() { l.again(ctx, func() { compact(ctx, client) }) })
	}
	if opts.Defragment {
		l.running.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				l.again(ctx, func() { client.Defragment(ctx, c.Members[i%len(c.Members)].Endpoint) })
			}
		})
	}
	t.Cleanup(func() { l.Stop() })
	return l
}

// Stop ends the writes, and says how many there were.
func (l *Load) Stop() int64 {
	l.stop()
	l.running.Wait()
	return l.writes
}

// Await waits until n writes have been made.
func (l *Load) Await(n int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.writes < n {
		l.more.Wait()
	}
}

func (l *Load) add(n int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.writes += n
	l.more.Broadcast()
}

// again does something each time that some more writes have been made.
func (l *Load) again(ctx context.Context, do func()) {
	defer context.AfterFunc(ctx, l.more.Broadcast)()
	for ctx.Err() == nil {
		do()
		l.mu.Lock()
		for next := l.writes + 200; l.writes < next && ctx.Err() == nil; {
			l.more.Wait()
		}
		l.mu.Unlock()
	}
}

func compact(ctx context.Context, client *clientv3.Client) {
	if got, err := client.Get(ctx, "none"); err == nil && got.Header.Revision > 500 {
		client.Compact(ctx, got.Header.Revision-500, clientv3.WithCompactPhysical())
	}
}

// writer is one client.
type writer struct {
	client *clientv3.Client
	r      *rand.Rand
	id     int
}

// write makes one transaction of one to four writes, and says how many they were.
func (w writer) write(ctx context.Context) (int64, error) {
	if w.r.IntN(50) == 0 {
		lease, err := w.client.Grant(ctx, 3600)
		if err != nil {
			return 0, err
		}
		_, err = w.client.Put(ctx, w.key("events"), w.value(), clientv3.WithLease(lease.ID))
		return 1, err
	}
	ops := map[string]clientv3.Op{}
	for range 1 + w.r.IntN(4) {
		key := w.key([]string{"pods", "configmaps", "example.com/widgets"}[w.r.IntN(3)])
		ops[key] = clientv3.OpPut(key, w.value())
		if w.r.IntN(5) == 0 {
			ops[key] = clientv3.OpDelete(key)
		}
	}
	var list []clientv3.Op
	for _, op := range ops {
		list = append(list, op)
	}
	_, err := w.client.Txn(ctx).Then(list...).Commit()
	return int64(len(list)), err
}

func (w writer) key(resource string) string {
	return fmt.Sprintf("/registry/%s/team-%d/object-%d", resource, w.id, w.r.IntN(300))
}

// value is of 200 bytes to 20 KiB, most of them small.
func (w writer) value() string {
	size := 200 << w.r.IntN(4)
	if w.r.IntN(10) == 0 {
		size = 20 << 10
	}
	return strings.Repeat(fmt.Sprint(w.r.Uint64()), 1+size/20)
}
