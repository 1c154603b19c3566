package etcdsnap_test

import (
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/clustersnap/clustersnap/etcdsnap"
)

// listen accepts connections and hands each to serve.
func listen(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serve(conn)
		}
	}()
	return l.Addr().String()
}

// What etcd's client would all call "context deadline exceeded".
func TestDialSaysWhy(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := l.Addr().String()
	l.Close()
	ssh := listen(t, func(c net.Conn) { io.WriteString(c, "SSH-2.0-OpenSSH_9.2\r\n") })
	hangup := listen(t, func(c net.Conn) { c.Close() })
	web := httptest.NewUnstartedServer(nil)
	web.Config.ErrorLog = log.New(io.Discard, "", 0)
	web.EnableHTTP2 = true
	web.StartTLS()
	defer web.Close()

	for name, c := range map[string]struct {
		endpoint string
		config   *tls.Config
		want     string
	}{
		"closed port":    {"https://" + closed, nil, "refused"},
		"hangs up":       {"http://" + hangup, nil, "closed without an answer"},
		"ssh":            {"http://" + ssh, nil, "does not speak gRPC"},
		"unknown CA":     {web.URL, nil, "certificate signed by unknown authority"},
		"no port":        {"https://127.0.0.1", nil, "want http://HOST:PORT"},
		"no scheme":      {"127.0.0.1:2379", nil, ""},
		"unix":           {"unix:///run/etcd.sock", nil, "want http://HOST:PORT"},
		"bracketed IPv4": {"https://[127.0.0.1]:2379", nil, "invalid"},
		"TLS for no TLS": {"https://" + hangup, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			client, err := etcdsnap.Dial(context.Background(), []string{c.endpoint}, c.config, etcdsnap.DialOptions{})
			if err == nil {
				client.Close()
				t.Fatal("no error")
			}
			if !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.endpoint) {
				t.Errorf("got %q, want the endpoint and %q", err, c.want)
			}
		})
	}
}

func TestDialEndsWithContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	silent := listen(t, func(net.Conn) { cancel() })
	if _, err := etcdsnap.Dial(ctx, []string{"http://" + silent}, nil, etcdsnap.DialOptions{}); err == nil || !strings.Contains(err.Error(), "canceled") {
		t.Errorf("got %v, want context canceled", err)
	}
}
