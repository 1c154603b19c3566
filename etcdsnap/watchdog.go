package etcdsnap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

var (
	// ErrStalled says that etcd kept the stream open and sent nothing. Servers up to 3.7 do so
	// when reading their database fails (etcd-io/etcd#22125): try another member.
	ErrStalled = errors.New("etcd stopped sending")
	// ErrSlow says that the destination took bytes more slowly than [Options] allows: while it did, etcd
	// could not free what was deleted, and its file grew.
	ErrSlow = errors.New("the destination is too slow")
)

// watchdog cancels when a read from etcd takes too long.
type watchdog struct {
	after time.Duration
	timer *time.Timer
}

func newWatchdog(after time.Duration, cancel context.CancelCauseFunc) *watchdog {
	w := &watchdog{after: after}
	w.timer = time.AfterFunc(after, func() { cancel(fmt.Errorf("%w: not a byte for %v", ErrStalled, after)) })
	w.timer.Stop()
	return w
}

func (w *watchdog) start() { w.timer.Reset(w.after) }
func (w *watchdog) stop()  { w.timer.Stop() }

// paced cancels when a destination takes less than rate, in bytes per second. A destination may rest for as long as
// grace, all in all, and earns it back with what it takes above the rate. A write that is under way is not ended, but
// etcd's stream is.
type paced struct {
	dst   io.Writer
	rate  int64
	grace time.Duration
	debt  time.Duration
	timer *time.Timer
}

func newPaced(dst io.Writer, rate int64, grace time.Duration, cancel context.CancelCauseFunc) *paced {
	p := &paced{dst: dst, rate: rate, grace: grace}
	p.timer = time.AfterFunc(grace, func() {
		cancel(fmt.Errorf("%w: it takes less than %d KiB a second, and etcd waits for it", ErrSlow, rate>>10))
	})
	p.timer.Stop()
	return p
}

func (p *paced) Write(b []byte) (int, error) {
	due := time.Duration(int64(len(b)) * int64(time.Second) / p.rate)
	p.timer.Reset(p.grace - p.debt + due)
	began := time.Now()
	n, err := p.dst.Write(b)
	p.timer.Stop()
	p.debt = max(0, p.debt+time.Since(began)-due)
	return n, err
}
