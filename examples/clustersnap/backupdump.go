package main

import (
	"context"
	"sync"
	"time"

	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/tree"
)

// dumping is a dump on its way, beside the snapshot of etcd.
type dumping struct {
	held   *scratch
	spool  *tree.Spool
	cancel context.CancelFunc
	began  chan struct{} // closed when the dump has its revision
	ended  chan struct{}
	// What follows is set before ended is closed.
	report *manifests.Report
	err    error
	took   time.Duration
}

// close ends a dump that is still on its way, and lets its room go.
func (d *dumping) close() error {
	d.cancel()
	<-d.ended
	return d.held.Close()
}

// begins tells when the first Begin has come.
type begins struct {
	manifests.Receiver
	once sync.Once
	tell chan struct{}
}

func (b *begins) Begin(at manifests.Instant) error {
	b.once.Do(func() { close(b.tell) })
	return b.Receiver.Begin(at)
}

// startDump begins to list all objects, and returns when it is known at which revision: a snapshot from then on has it. The
// caller closes it.
func (b *backing) startDump(ctx context.Context) (*dumping, error) {
	cluster, err := manifests.NewCluster(b.api.Config)
	if err != nil {
		return nil, err
	}
	held, err := newScratch(b.scratch)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	d := &dumping{
		held: held, spool: tree.NewSpool(held), cancel: cancel, began: make(chan struct{}), ended: make(chan struct{}),
	}
	start := time.Now()
	go func() {
		defer close(d.ended)
		d.report, d.err = cluster.Dump(ctx, &begins{Receiver: d.spool, tell: d.began}, manifests.Options{})
		d.took = time.Since(start)
	}()
	select {
	case <-d.began:
	case <-d.ended:
	}
	return d, nil
}
