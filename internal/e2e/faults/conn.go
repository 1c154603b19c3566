package faults

import (
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// What a fault wants done to a connection.
var errCut, errEnd = errors.New("cut"), errors.New("end")

// conn is one connection through the proxy.
type conn struct {
	client, server net.Conn
	fault          *fault // under which passed is counted
	passed         int64
}

// run copies both ways until both have ended.
func (c *conn) run(current func() *fault) {
	var up sync.WaitGroup
	up.Go(func() {
		io.Copy(c.server, c.client)
		closeWrite(c.server)
		io.Copy(io.Discard, c.client) // a close with bytes unread would send a reset
	})
	switch err := c.download(current); err {
	case io.EOF, errEnd:
		closeWrite(c.client)
		c.server.Close()
	default:
		c.reset()
	}
	up.Wait()
	c.client.Close()
}

// download copies from the server to the client, under the fault that holds. The error is never nil.
func (c *conn) download(current func() *fault) error {
	buf := make([]byte, 32<<10)
	for {
		n, err := c.server.Read(buf)
		for b := buf[:n]; len(b) > 0; {
			sent, err := c.send(current(), b)
			if err != nil {
				return err
			}
			b = b[sent:]
		}
		if err != nil {
			return err
		}
	}
}

// send passes on some of b under f, or lets f strike. It says how many bytes it passed on.
func (c *conn) send(f *fault, b []byte) (int, error) {
	if c.fault != f {
		c.fault, c.passed = f, 0
	}
	if left := f.after - c.passed; left > 0 {
		b = b[:min(int64(len(b)), left)]
		return c.write(b)
	}
	f.strike()
	switch f.kind {
	case stall:
		<-f.over
		return 0, nil
	case end:
		return 0, errEnd
	case garbage:
		for i := range b {
			b[i] = ^b[i]
		}
		return c.client.Write(b)
	default:
		return 0, errCut
	}
}

// write passes on a tenth of a second's bytes and takes as long over it, or all of b if the rate has no limit.
func (c *conn) write(b []byte) (int, error) {
	rate := c.fault.rate
	if rate > 0 {
		b = b[:min(len(b), max(1, rate/10))]
	}
	n, err := c.client.Write(b)
	c.passed += int64(n)
	if rate > 0 {
		pause := time.NewTimer(time.Duration(n) * time.Second / time.Duration(rate))
		defer pause.Stop()
		select {
		case <-pause.C:
		case <-c.fault.over:
		}
	}
	return n, err
}

// reset breaks the connection for both ends.
func (c *conn) reset() {
	reset(c.client)
	reset(c.server)
}

// reset closes a connection so that the other end sees a reset, if it is one of TCP.
func reset(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	c.Close()
}

func closeWrite(c net.Conn) {
	if half, ok := c.(interface{ CloseWrite() error }); ok {
		half.CloseWrite()
		return
	}
	c.Close()
}
