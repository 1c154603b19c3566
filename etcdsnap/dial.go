package etcdsnap

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
)

// streamWindow is how far a member may send ahead: more than a fast network needs, and less work than windows
// that grow while they are measured.
const streamWindow = 4 << 20

// dialTimeout bounds the handshake with a member, which is nearby.
const dialTimeout = 5 * time.Second

// DialOptions are for an etcd with authentication on, as Kubernetes' is not: the user must have the root role.
type DialOptions struct {
	Username, Password string
}

// Dial returns a client of the members at endpoints, such as "https://127.0.0.1:2379", which
// the caller closes. It shakes hands with all of them first, and fails if none answers: etcd's client alone would say
// "context deadline exceeded" whatever is wrong, a closed port or a certificate of another CA. The config is for
// https and may be nil for http.
func Dial(ctx context.Context, endpoints []string, config *tls.Config, opts DialOptions) (*clientv3.Client, error) {
	if len(endpoints) == 0 {
		return nil, errors.New("connect to etcd: no endpoint is given")
	}
	errs := make([]error, len(endpoints))
	var wait sync.WaitGroup
	for i, endpoint := range endpoints {
		wait.Go(func() {
			if err := handshake(ctx, endpoint, config); err != nil {
				errs[i] = fmt.Errorf("connect to etcd at %s: %w", endpoint, err)
			}
		})
	}
	wait.Wait()
	if !slices.Contains(errs, nil) {
		return nil, errors.Join(errs...)
	}
	client, err := clientv3.New(clientv3.Config{
		Endpoints:   endpoints,
		TLS:         config,
		Logger:      zap.NewNop(),
		DialTimeout: dialTimeout, // of the login
		DialOptions: []grpc.DialOption{grpc.WithInitialWindowSize(streamWindow), grpc.WithInitialConnWindowSize(streamWindow)},
		Username:    opts.Username,
		Password:    opts.Password,
	})
	if err != nil {
		return nil, fmt.Errorf("connect to etcd at %s: %w", strings.Join(endpoints, ", "), err)
	}
	return client, nil
}

// preface opens an HTTP/2 connection: RFC 9113, section 3.4, and an empty SETTINGS frame.
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"

// settingsFrame is the type of the frame that the other side opens with too.
const settingsFrame = 4

func handshake(ctx context.Context, endpoint string, config *tls.Config) error {
	u, err := url.Parse(endpoint)
	if err != nil {
		return fmt.Errorf("want http://HOST:PORT or https://HOST:PORT: %w", err)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Port() == "" {
		return errors.New("want http://HOST:PORT or https://HOST:PORT")
	}
	ctx, cancel := context.WithTimeoutCause(ctx, dialTimeout, fmt.Errorf("no answer in %v: is etcd well, and is this its client port?", dialTimeout))
	defer cancel()
	raw, err := new(net.Dialer).DialContext(ctx, "tcp", u.Host)
	if errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("%w: is etcd running?", err)
	}
	if err != nil {
		return err
	}
	defer raw.Close()
	defer context.AfterFunc(ctx, func() { raw.Close() })()

	conn := raw
	if u.Scheme == "https" {
		config = config.Clone()
		if config == nil {
			config = &tls.Config{}
		}
		if config.ServerName == "" {
			config.ServerName = u.Hostname()
		}
		config.NextProtos = []string{"h2"}
		conn = tls.Client(conn, config)
	}
	// In TLS 1.3 the server judges our certificate after the handshake, from where
	// we stand: only its first frame says that we are in.
	first := make([]byte, 9)
	if _, err = io.WriteString(conn, preface); err == nil {
		_, err = io.ReadFull(conn, first)
	}
	switch {
	case err != nil && ctx.Err() != nil:
		return context.Cause(ctx)
	case err == io.EOF || err == io.ErrUnexpectedEOF || errors.Is(err, syscall.ECONNRESET):
		return errors.New("the connection was closed without an answer: is this etcd's client port, and is it https?")
	case err != nil:
		return err
	case first[3] != settingsFrame || !bytes.Equal(first[5:], make([]byte, 4)):
		return errors.New("what answers there does not speak gRPC: is this etcd's client port, and is it https?")
	}
	return nil
}
