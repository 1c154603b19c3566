package manifests

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"
)

// answers sends one answer after the other, and the last one for ever. It counts.
type answers struct {
	list []func() *http.Response
	n    int
}

func (a *answers) RoundTrip(*http.Request) (*http.Response, error) {
	next := a.list[min(a.n, len(a.list)-1)]
	a.n++
	if r := next(); r != nil {
		return r, nil
	}
	return nil, errors.New("no route to host")
}

func later(code int, seconds string) func() *http.Response {
	return func() *http.Response {
		r := refusal(code, "TooManyRequests", "later")
		if seconds != "" {
			r.Header.Set("Retry-After", seconds)
		}
		return r
	}
}

func fine() *http.Response         { return respond(200, "fine") }
func half() *http.Response         { return cut(respond(200, "fine"), 2) }
func unreachable() *http.Response  { return nil }
func statusless() *http.Response   { return respond(502, "<html>bad gateway</html>") }
func notModified() *http.Response  { return respond(304, "") }
func redirected() *http.Response   { return respond(302, "") }
func unauthorized() *http.Response { return respond(401, "who are you?") }

func TestRequestIsSentAgain(t *testing.T) {
	for _, c := range []struct {
		name    string
		answers []func() *http.Response
		sent    int
		took    time.Duration
		says    string // empty if the answer comes
	}{
		{"put off", []func() *http.Response{later(429, "7"), later(429, "2"), fine}, 3, 9 * time.Second, ""},
		{"put off without a time", []func() *http.Response{later(429, ""), fine}, 2, firstPause, ""},
		{"put off for long", []func() *http.Response{later(429, "86400"), fine}, 2, maxPause, ""},
		{"put off for ever", []func() *http.Response{later(429, "1")}, maxTries, 9 * time.Second, "later"},
		{"unavailable for a time", []func() *http.Response{later(503, "3"), fine}, 2, 3 * time.Second, ""},
		{"unavailable", []func() *http.Response{later(503, "")}, 1, 0, "later"},
		{"refused", []func() *http.Response{later(403, "3")}, 1, 0, "later"},
		{"broken off", []func() *http.Response{half, half, fine}, 3, 3 * firstPause, ""},
		{"broken off always", []func() *http.Response{half}, maxBroken, 3 * firstPause, "unexpected EOF"},
		{"out of reach", []func() *http.Response{unreachable, fine}, 2, firstPause, ""},
		{"out of reach always", []func() *http.Response{unreachable}, maxBroken, 3 * firstPause, "reach api.example.com: no route to host"},
		{"no API server", []func() *http.Response{statusless}, 1, 0, "502 Bad Gateway: <html>bad gateway</html>"},
		{"nobody", []func() *http.Response{unauthorized}, 1, 0, "401 Unauthorized: who are you?"},
		{"elsewhere", []func() *http.Response{redirected}, 1, 0, "302 Found"},
		{"not modified", []func() *http.Response{notModified}, 1, 0, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := &answers{list: c.answers}
				cluster := (&fakeServer{}).cluster()
				cluster.client.Transport = a
				begin := time.Now()
				_, _, err := cluster.read(t.Context(), alone(), request{}, 100)
				if (err != nil) != (c.says != "") || err != nil && !strings.Contains(err.Error(), c.says) {
					t.Errorf("the error is %v, want %q", err, c.says)
				}
				if took := time.Since(begin); a.n != c.sent || took != c.took {
					t.Errorf("sent %d times in %v, want %d in %v", a.n, took, c.sent, c.took)
				}
			})
		})
	}
}

func TestWaitEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cluster := (&fakeServer{}).cluster()
		cluster.client.Transport = &answers{list: []func() *http.Response{later(429, "30")}}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begin := time.Now()
		if _, _, err := cluster.read(ctx, alone(), request{}, 100); !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != time.Second {
			t.Errorf("after %v: %v", time.Since(begin), err)
		}
	})
}

func TestAnswerIsBounded(t *testing.T) {
	cluster := (&fakeServer{}).cluster()
	cluster.client.Transport = &answers{list: []func() *http.Response{fine}}
	if body, _, err := cluster.read(t.Context(), alone(), request{}, 4); err != nil || string(body) != "fine" {
		t.Errorf("4 bytes of 4: %q, %v", body, err)
	}
	var large *tooLargeError
	if _, _, err := cluster.read(t.Context(), alone(), request{}, 3); !errors.As(err, &large) {
		t.Errorf("4 bytes of 3: %v", err)
	}
}

// trickle gives a byte, and the next one after a time.
type trickle struct {
	every time.Duration
	left  int
	ctx   context.Context
}

func (b *trickle) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, io.EOF
	}
	b.left--
	p[0] = 'x'
	return 1, pause(b.ctx, b.every)
}

func (*trickle) Close() error { return nil }

// slow answers with a body that trickles.
type slow struct {
	before, every time.Duration
}

func (s slow) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := pause(r.Context(), s.before); err != nil {
		return nil, err
	}
	answer := fine()
	answer.Body = &trickle{s.every, 5, r.Context()}
	return answer, nil
}

// A server that sends nothing is given up; one that is slow is not, nor is one whose answer lies unread.
func TestStall(t *testing.T) {
	for _, c := range []struct {
		name    string
		server  slow
		stalled bool
	}{
		{"slow", slow{9 * time.Second, 9 * time.Second}, false},
		{"no answer", slow{11 * time.Second, 0}, true},
		{"no end", slow{0, 11 * time.Second}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cluster := (&fakeServer{}).cluster()
				cluster.client.Transport = c.server
				begin := time.Now()
				_, _, err := cluster.read(t.Context(), pace{stall: 10 * time.Second}, request{}, 100)
				if errors.Is(err, errStalled) != c.stalled || (err != nil) != c.stalled {
					t.Errorf("after %v: %v", time.Since(begin), err)
				}
				if c.stalled && time.Since(begin) != 10*time.Second {
					t.Errorf("it took %v to see", time.Since(begin))
				}
			})
		})
	}
	t.Run("unread", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			cluster := (&fakeServer{}).cluster()
			cluster.client.Transport = slow{0, time.Second}
			response, err := cluster.send(t.Context(), pace{stall: 10 * time.Second}, request{})
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			for range 5 {
				if err := pause(t.Context(), time.Hour); err != nil {
					t.Fatal(err)
				}
				if n, err := response.Body.Read(make([]byte, 1)); n != 1 || err != nil {
					t.Fatal(n, err)
				}
			}
		})
	})
}

func TestLimiter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeServer{objects: map[string]int{"as": 500}, revision: 7}
		begin := time.Now()
		if _, _, err := dumpOf(t, f, Options{Rate: 10, PageSize: 10}); err != nil {
			t.Fatal(err)
		}
		sent := 0
		for _, n := range f.seen {
			sent += n
		}
		if took, want := time.Since(begin), time.Duration(sent-1)*100*time.Millisecond; took != want || sent < 50 {
			t.Errorf("%d requests took %v, want %v", sent, took, want)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(1)
		if err := errors.Join(l.wait(t.Context()), pause(t.Context(), time.Hour), l.wait(t.Context())); err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		if err := l.wait(t.Context()); err != nil || time.Since(begin) != time.Second {
			t.Errorf("an hour of rest lets requests come %v apart (%v), want 1s", time.Since(begin), err)
		}
	})
}

func TestClusterRefusesConfigurations(t *testing.T) {
	for _, c := range []struct {
		name, says string
		config     *rest.Config
	}{
		{"none", "names no API server", nil},
		{"no host", "names no API server", &rest.Config{}},
		{"bad host", `read server "https://[::1"`, &rest.Config{Host: "https://[::1"}},
		{"bad certificate", "read credentials for https://localhost:6443", &rest.Config{
			Host: "https://localhost:6443", TLSClientConfig: rest.TLSClientConfig{CertData: []byte("none"), KeyData: []byte("none")}}},
		{"missing file", "no such file", &rest.Config{
			Host: "https://localhost:6443", TLSClientConfig: rest.TLSClientConfig{CAFile: filepath.Join(t.TempDir(), "none")}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := NewCluster(c.config); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("the error is %v, want %q", err, c.says)
			}
		})
	}
}

// Where an API server is, its answers are: a redirect would take the credentials redirected.
func TestClusterFollowsNoRedirect(t *testing.T) {
	asked := false
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
	defer other.Close()
	server := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusFound))
	defer server.Close()
	c, err := NewCluster(&rest.Config{Host: server.URL, BearerToken: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	var status *apierrors.StatusError
	if _, err := c.Dump(t.Context(), new(collected), Options{}); !errors.As(err, &status) || asked {
		t.Errorf("the error is %v, the other server was asked: %t", err, asked)
	}
}

func TestPathOfServer(t *testing.T) {
	var path string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path = r.URL.EscapedPath() + "?" + r.URL.RawQuery
		w.WriteHeader(http.StatusNotFound)
	}))
	defer server.Close()
	c, err := NewCluster(&rest.Config{Host: server.URL + "/k8s/clusters/one"})
	if err != nil {
		t.Fatal(err)
	}
	role := Resource{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "clusterroles"}
	c.read(t.Context(), alone(), request{segments: role.segments("", "My Role:*?<x>"), query: map[string][]string{"a": {"b c"}}}, 100)
	if want := "/k8s/clusters/one/apis/rbac.authorization.k8s.io/v1/clusterroles/My%20Role:%2A%3F%3Cx%3E?a=b+c"; path != want &&
		path != strings.ReplaceAll(want, "%2A", "*") {
		t.Errorf("the path is %s, want %s", path, want)
	}
	c.read(t.Context(), alone(), request{segments: Resource{Version: "v1", Resource: "pods"}.segments("shop")}, 100)
	if want := "/k8s/clusters/one/api/v1/namespaces/shop/pods?"; path != want {
		t.Errorf("the path is %s, want %s", path, want)
	}
}
