package volfreeze

import (
	"io"
	"net"
	"net/url"
	"slices"
	"sync"
	"testing"

	"k8s.io/client-go/rest"
)

// wire carries connections to the API server, which commands in pods need: client-go's remotecommand uses no Dial function, and
// the API server is in a network of its own. It can be cut.
type wire struct {
	mu    sync.Mutex
	conns []net.Conn
	ended sync.WaitGroup
}

// lay gives a configuration that goes over a new wire.
func lay(t testing.TB, config *rest.Config) (*rest.Config, *wire) {
	t.Helper()
	at, err := url.Parse(config.Host)
	must(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	w := &wire{}
	w.ended.Go(func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			far, err := config.Dial(t.Context(), "tcp", at.Host)
			if err != nil {
				near.Close()
				continue
			}
			w.join(near, far)
		}
	})
	t.Cleanup(func() {
		listener.Close()
		w.cut()
		w.ended.Wait()
	})
	over := rest.CopyConfig(config)
	over.Dial, over.Host, over.ServerName = nil, "https://"+listener.Addr().String(), at.Hostname()
	return over, w
}

// join copies both ways until one end closes.
func (w *wire) join(near, far net.Conn) {
	w.mu.Lock()
	w.conns = append(w.conns, near, far)
	w.mu.Unlock()
	for _, ends := range [][2]net.Conn{{near, far}, {far, near}} {
		w.ended.Go(func() {
			_, _ = io.Copy(ends[0], ends[1])
			ends[0].Close()
			ends[1].Close()
		})
	}
}

// cut ends all connections, as a network does.
func (w *wire) cut() {
	w.mu.Lock()
	conns := slices.Clone(w.conns)
	w.conns = nil
	w.mu.Unlock()
	for _, c := range conns {
		c.Close()
	}
}
