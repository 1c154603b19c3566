package stores

import (
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
)

// answered is a place in a request: the server has done all of it, and the client has not heard of it. Others are the number
// of bytes of the body that the server has got.
const answered = -1

// stopAt says of a request, which is the number-th, whether it is stopped, and at which place.
type stopAt func(r *http.Request, number int) (place int64, stops bool)

// watcher stands before a server, counts, and stops requests: until the client is gone, or by breaking its connection.
type watcher struct {
	addr     string
	requests atomic.Int64
	sent     atomic.Int64 // bytes of bodies to the client

	mu      sync.Mutex
	stops   stopAt
	breaks  bool
	gone    chan struct{}
	strike  func()
	running int       // requests
	ended   sync.Cond // when one has: a WaitGroup takes none that comes while it is waited for
}

func watch(t *testing.T, target string) *watcher {
	t.Helper()
	w := &watcher{}
	w.ended.L = &w.mu
	w.pass()
	server := httptest.NewUnstartedServer(w.handler(&url.URL{Scheme: "http", Host: target}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // of connections that are broken on purpose
	server.Start()
	t.Cleanup(server.Close)
	w.addr = server.Listener.(*net.TCPListener).Addr().String()
	return w
}

// pass lets all requests pass, and counts anew.
func (w *watcher) pass() { w.stop(nil, false) }

// stop stops requests from now on, and counts anew. The channel is closed at the first one that is stopped. With breaks the
// client's connection is broken there; else the request waits until the client is gone.
func (w *watcher) stop(at stopAt, breaks bool) <-chan struct{} {
	if at == nil {
		at = func(*http.Request, int) (int64, bool) { return 0, false }
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	reached := make(chan struct{})
	w.stops, w.breaks, w.gone = at, breaks, make(chan struct{})
	w.strike = sync.OnceFunc(func() { close(reached) })
	w.requests.Store(0)
	w.sent.Store(0)
	return reached
}

// release says that the client is gone, and waits until no request is running.
func (w *watcher) release() {
	w.mu.Lock()
	defer w.mu.Unlock()
	close(w.gone)
	for w.running > 0 {
		w.ended.Wait()
	}
}

// begin says what is to become of a request, which is running until end.
func (w *watcher) begin() (stopAt, bool, func(), <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.running++
	return w.stops, w.breaks, w.strike, w.gone
}

func (w *watcher) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.running--
	w.ended.Broadcast()
}

func (w *watcher) handler(target *url.URL) http.Handler {
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host // it is signed
		},
		Transport:    &http.Transport{DisableCompression: true},
		ErrorLog:     log.New(io.Discard, "", 0),
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	return http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		stops, breaks, strike, gone := w.begin()
		defer w.end()
		place, ok := stops(r, int(w.requests.Add(1)))
		end := func() {
			strike()
			if !breaks {
				// net/http looks for the end of the client only behind its body, so that release says it, too.
				_, _ = io.Copy(io.Discard, r.Body)
				select {
				case <-r.Context().Done():
				case <-gone:
				}
			}
			panic(http.ErrAbortHandler)
		}
		switch {
		case !ok:
			proxy.ServeHTTP(&counting{out, &w.sent}, r)
		case place == answered:
			proxy.ServeHTTP(httptest.NewRecorder(), r)
			end()
		case place == 0 || r.ContentLength <= place:
			end()
		default:
			r.Body = &stopping{r.Body, place}
			defer end()
			proxy.ServeHTTP(httptest.NewRecorder(), r)
		}
	})
}

// stopping is a body that ends too early.
type stopping struct {
	io.ReadCloser
	left int64
}

func (s *stopping) Read(p []byte) (int, error) {
	if s.left == 0 {
		return 0, errors.New("stopped")
	}
	n, err := s.ReadCloser.Read(p[:min(int64(len(p)), s.left)])
	s.left -= int64(n)
	return n, err
}

func (s *stopping) Close() error { return nil } // the handler reads on

type counting struct {
	http.ResponseWriter
	sent *atomic.Int64
}

func (c *counting) Write(p []byte) (int, error) {
	c.sent.Add(int64(len(p)))
	return c.ResponseWriter.Write(p)
}

func (c *counting) Unwrap() http.ResponseWriter { return c.ResponseWriter }
