package faults

import (
	"context"
	"net"
	"sync"
	"testing"
)

// Proxy passes TCP connections on to a target, and does to what the target answers what its fault of the moment
// says. What the client sends always passes. A fault holds from the call that sets it until the next
// such call, for open connections and for new ones. Bytes are counted as they are on the wire, for
// each connection by itself, from that call on.
//
// Its methods are for the goroutine of the test.
type Proxy struct {
	t        testing.TB
	target   string
	options  ProxyOptions
	listener net.Listener
	running  sync.WaitGroup

	mu    sync.Mutex // for what follows
	fault *fault
	conns map[*conn]struct{}
}

// ProxyOptions place a proxy in a network of its own.
type ProxyOptions struct {
	// Addr is where clients come in, host:port. The default is a free port of 127.0.0.1.
	Addr string
	// Listen makes the listener, as [net.Listen] does, which is the default. It is called again when Refuse is over.
	Listen func(network, addr string) (net.Listener, error)
	// Dial reaches the target, as [net.Dialer.DialContext] does, which is the default.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
}

// NewProxy starts a proxy before target, host:port, without a fault. It ends with the test, and its connections with it.
func NewProxy(t testing.TB, target string, options ProxyOptions) *Proxy {
	t.Helper()
	if options.Addr == "" {
		options.Addr = "127.0.0.1:0"
	}
	if options.Listen == nil {
		options.Listen = net.Listen
	}
	if options.Dial == nil {
		options.Dial = new(net.Dialer).DialContext
	}
	p := &Proxy{t: t, target: target, options: options, fault: newFault(fault{kind: pass}), conns: map[*conn]struct{}{}}
	p.listen()
	p.options.Addr = p.listener.Addr().String()
	t.Cleanup(func() {
		p.Refuse()
		p.running.Wait()
	})
	return p
}

// Addr is where the proxy listens, host:port.
func (p *Proxy) Addr() string { return p.options.Addr }

// listen lets clients in until the listener is closed.
func (p *Proxy) listen() {
	p.t.Helper()
	listener, err := p.options.Listen("tcp", p.options.Addr)
	if err != nil {
		p.t.Fatalf("listen for the proxy: %v", err)
	}
	p.listener = listener
	p.running.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			p.running.Go(func() { p.serve(client) })
		}
	})
}

func (p *Proxy) serve(client net.Conn) {
	server, err := p.options.Dial(p.t.Context(), "tcp", p.target)
	if err != nil {
		reset(client)
		return
	}
	c := &conn{client: client, server: server}
	if !p.add(c) {
		c.reset()
		return
	}
	c.run(p.current)
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
}

// add keeps c for resetAll, unless Refuse has come while c was being made.
func (p *Proxy) add(c *conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fault.kind == refuse {
		return false
	}
	p.conns[c] = struct{}{}
	return true
}

func (p *Proxy) resetAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		c.reset()
	}
}

func (p *Proxy) current() *fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fault
}

// set puts f in the place of the fault before it.
func (p *Proxy) set(f fault) <-chan struct{} {
	p.t.Helper()
	next := newFault(f)
	p.mu.Lock()
	last := p.fault
	p.fault = next
	p.mu.Unlock()
	close(last.over)
	switch {
	case next.kind == refuse:
		p.listener.Close()
		p.resetAll()
	case last.kind == refuse:
		p.listen()
	}
	return next.struck
}
