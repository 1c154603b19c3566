package faults

import (
	"math"
	"sync"
)

type kind int

const (
	pass kind = iota
	stall
	cut
	end
	garbage
	refuse
)

// fault is what happens after some bytes, and how fast they pass until then.
type fault struct {
	kind  kind
	after int64
	rate  int // bytes per second, 0 for no limit

	strike func()        // closes struck, once
	struck chan struct{} // closed when the fault has struck a connection
	over   chan struct{} // closed when another fault holds
}

func newFault(f fault) *fault {
	if f.kind == pass {
		f.after = math.MaxInt64
	}
	f.struck, f.over = make(chan struct{}), make(chan struct{})
	f.strike = sync.OnceFunc(func() { close(f.struck) })
	return &f
}

// Pass ends the fault that holds. Stalled connections go on.
func (p *Proxy) Pass() {
	p.t.Helper()
	p.set(fault{kind: pass})
}

// Slow lets no more than rate bytes per second pass from the target to each client.
func (p *Proxy) Slow(rate int) {
	p.t.Helper()
	p.set(fault{kind: pass, rate: rate})
}

// StallAfter passes on n bytes from the target and holds the next back. The connection stays open. The channel is
// closed when a connection has stalled.
func (p *Proxy) StallAfter(n int64) <-chan struct{} {
	p.t.Helper()
	return p.set(fault{kind: stall, after: n})
}

// CutAfter passes on n bytes from the target and breaks the connection in the place of the next, as if the
// target's machine had crashed: the client sees a reset (RST). The channel is closed when one is broken.
func (p *Proxy) CutAfter(n int64) <-chan struct{} {
	p.t.Helper()
	return p.set(fault{kind: cut, after: n})
}

// EndAfter passes on n bytes from the target and closes the connection in the place of the next, as if that were all:
// the client sees an orderly end (FIN). The channel is closed when one is ended.
func (p *Proxy) EndAfter(n int64) <-chan struct{} {
	p.t.Helper()
	return p.set(fault{kind: end, after: n})
}

// GarbageAfter passes on n bytes from the target as they are, and all others with every bit inverted. The channel is
// closed when the first of these is about to pass.
func (p *Proxy) GarbageAfter(n int64) <-chan struct{} {
	p.t.Helper()
	return p.set(fault{kind: garbage, after: n})
}

// Refuse resets all connections and refuses new ones (ECONNREFUSED), as if the target did not run.
func (p *Proxy) Refuse() {
	p.t.Helper()
	p.set(fault{kind: refuse})
}
