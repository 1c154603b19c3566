package faults

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// message is longer than a buffer of the proxy and has no two equal halves.
var message = func() []byte {
	b := make([]byte, 100_000)
	for i := range b {
		b[i] = byte(i % 251)
	}
	return b
}()

// server answers each connection with message once it has read one byte, and then ends its side.
func server(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			go answer(c)
		}
	}()
	return listener.Addr().String()
}

func answer(c net.Conn) {
	defer c.Close()
	if _, err := io.ReadFull(c, make([]byte, 1)); err == nil {
		c.Write(message)
	}
}

// dial connects to the proxy and asks for the message.
func dial(t *testing.T, p *Proxy) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if _, err := c.Write([]byte{1}); err != nil {
		t.Fatal(err)
	}
	return c
}

// read holds that r gives want and then err.
func read(t *testing.T, r io.Reader, want []byte, wantErr error) {
	t.Helper()
	got, err := io.ReadAll(r)
	if !errors.Is(err, wantErr) {
		t.Errorf("the connection ended with %v, want %v", err, wantErr)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%d bytes came, not the %d that should", len(got), len(want))
	}
}

func TestPass(t *testing.T) {
	read(t, dial(t, NewProxy(t, server(t), ProxyOptions{})), message, nil)
}

func TestStall(t *testing.T) {
	p := NewProxy(t, server(t), ProxyOptions{})
	const n, more = 50_001, 2_000
	stalled := p.StallAfter(n - more)
	c := dial(t, p)
	<-stalled
	stalled = p.StallAfter(more) // counted from here on, not from the beginning
	<-stalled
	first := make([]byte, n)
	if _, err := io.ReadFull(c, first); err != nil || !bytes.Equal(first, message[:n]) {
		t.Fatalf("what comes before the stall is not what was sent (%v)", err)
	}
	// The next byte has reached the proxy. If it were passed on, it would be here at once.
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	raw.Read(func(fd uintptr) bool {
		if n, _, err := syscall.Recvfrom(int(fd), make([]byte, 1), syscall.MSG_PEEK|syscall.MSG_DONTWAIT); err != syscall.EAGAIN {
			t.Errorf("a stalled connection gave %d bytes and error %v", n, err)
		}
		return true
	})
	p.Pass()
	read(t, c, message[n:], nil)
}

func TestStallOfManyEndsWithTheTest(t *testing.T) {
	t.Run("stalled", func(t *testing.T) {
		p := NewProxy(t, server(t), ProxyOptions{})
		stalled := p.StallAfter(0)
		for range 3 {
			dial(t, p)
		}
		<-stalled
	})
}

func TestCut(t *testing.T) {
	p := NewProxy(t, server(t), ProxyOptions{})
	cut := p.CutAfter(0)
	read(t, dial(t, p), nil, syscall.ECONNRESET)
	<-cut
	cut = p.CutAfter(40_000)
	for range 2 { // each connection for itself
		if got, err := io.ReadAll(dial(t, p)); !errors.Is(err, syscall.ECONNRESET) || !bytes.HasPrefix(message[:40_000], got) {
			t.Errorf("after %d bytes the connection ended with %v", len(got), err)
		}
		<-cut
	}
	p.Pass()
	read(t, dial(t, p), message, nil)
}

func TestEnd(t *testing.T) {
	p := NewProxy(t, server(t), ProxyOptions{})
	ended := p.EndAfter(40_000)
	for range 2 {
		read(t, dial(t, p), message[:40_000], nil)
		<-ended
	}
}

func TestGarbage(t *testing.T) {
	p := NewProxy(t, server(t), ProxyOptions{})
	const n = 33_000
	spoiled := p.GarbageAfter(n)
	want := bytes.Clone(message)
	for i := range want[n:] {
		want[n+i] ^= 0xff
	}
	read(t, dial(t, p), want, nil)
	<-spoiled
}

func TestRefuse(t *testing.T) {
	p := NewProxy(t, server(t), ProxyOptions{})
	stalled := p.StallAfter(10)
	open := dial(t, p)
	<-stalled
	for range 2 {
		p.Refuse()
		if _, err := net.Dial("tcp", p.Addr()); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("a new connection: %v, want it refused", err)
		}
		p.Refuse() // a second time changes nothing
		p.Pass()
		read(t, dial(t, p), message, nil)
	}
	if _, err := io.ReadAll(open); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the connection that was open: %v, want it reset", err)
	}
}

func TestTargetThatIsDown(t *testing.T) {
	p := NewProxy(t, "127.0.0.1:1", ProxyOptions{Dial: func(context.Context, string, string) (net.Conn, error) {
		return nil, syscall.EHOSTUNREACH
	}})
	c, err := net.Dial("tcp", p.Addr())
	if err == nil { // or the reset was faster
		defer c.Close()
		_, err = c.Read(make([]byte, 1))
	}
	if !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the connection ended with %v, want it reset", err)
	}
}

// pipes is a network in memory: what is dialed is accepted.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	if c, ok := <-p; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}
func (p pipes) listen(string, string) (net.Listener, error) { return p, nil }
func (p pipes) Close() error                                { close(p); return nil }
func (p pipes) Addr() net.Addr                              { return &net.UnixAddr{Name: "memory"} }

func (p pipes) dial(context.Context, string, string) (net.Conn, error) {
	near, far := net.Pipe()
	p <- far
	return near, nil
}

// A bubble has a clock of its own, so that the time a slow connection takes is exact.
func TestSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		front, back := make(pipes), make(pipes)
		p := NewProxy(t, "memory", ProxyOptions{Listen: front.listen, Dial: back.dial})
		go func() {
			if c, err := back.Accept(); err == nil {
				answer(c)
			}
		}()
		p.Slow(len(message) / 10)
		c, err := front.dial(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		begin := time.Now()
		if _, err := c.Write([]byte{1}); err != nil {
			t.Fatal(err)
		}
		half := make([]byte, len(message)/2)
		if _, err := io.ReadFull(c, half); err != nil || !bytes.Equal(half, message[:len(half)]) {
			t.Fatalf("the first half is not what was sent (%v)", err)
		}
		if took := time.Since(begin); took < 4900*time.Millisecond || took > 5*time.Second {
			t.Errorf("half of what takes 10 s took %v", took)
		}
		p.Pass()
		begin = time.Now()
		read(t, c, message[len(half):], nil)
		if took := time.Since(begin); took != 0 {
			t.Errorf("after Pass the rest took %v", took)
		}
	})
}
