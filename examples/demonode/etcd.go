package demonode

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"path/filepath"
	"time"

	"go.etcd.io/etcd/client/pkg/v3/transport"
	"go.etcd.io/etcd/pkg/v3/featuregate"
	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"
)

const dataDir = "var/lib/etcd"

// member is what the node's etcd is told: its ports on loopback. The flags of the manifest and the
// configuration of the running server are two spellings of it, kept side by side below.
type member struct {
	clientPort, peerPort, metricsPort int
}

// newMember picks free ports. All stay taken until the last is chosen, so they differ.
func newMember() (member, error) {
	var ports [3]int
	for i := range ports {
		listener, err := listen()
		if err != nil {
			return member{}, fmt.Errorf("choose port: %w", err)
		}
		defer listener.Close()
		ports[i] = listener.Addr().(*net.TCPAddr).Port
	}
	return member{ports[0], ports[1], ports[2]}, nil
}

// listen finds a free port from 20000 to 29999. Port 0 would give one that the system also gives to outgoing connections
// (from 32768 on Linux, from 49152 elsewhere), and while etcd is down between Close and Restart it would be lost to them.
func listen() (listener *net.TCPListener, err error) {
	for range 100 {
		address := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 20000 + rand.IntN(10000)}
		if listener, err = net.ListenTCP("tcp", address); err == nil {
			return listener, nil
		}
	}
	return nil, err
}

func (m member) client() *url.URL  { return loopback("https", m.clientPort) }
func (m member) peer() *url.URL    { return loopback("https", m.peerPort) }
func (m member) metrics() *url.URL { return loopback("http", m.metricsPort) }

func loopback(scheme string, port int) *url.URL {
	return &url.URL{Scheme: scheme, Host: fmt.Sprintf("127.0.0.1:%d", port)}
}

// flags are kubeadm's (cmd/kubeadm/app/phases/etcd/local.go, v1.37), sorted by name as there.
func (m member) flags() []string {
	return []string{
		"--advertise-client-urls=" + m.client().String(),
		"--cert-file=/etc/kubernetes/pki/etcd/server.crt",
		"--client-cert-auth=true",
		"--data-dir=/" + dataDir,
		"--feature-gates=InitialCorruptCheck=true",
		"--initial-advertise-peer-urls=" + m.peer().String(),
		"--initial-cluster=" + nodeName + "=" + m.peer().String(),
		"--key-file=/etc/kubernetes/pki/etcd/server.key",
		"--listen-client-urls=" + m.client().String(),
		"--listen-metrics-urls=" + m.metrics().String(),
		"--listen-peer-urls=" + m.peer().String(),
		"--name=" + nodeName,
		"--peer-cert-file=/etc/kubernetes/pki/etcd/peer.crt",
		"--peer-client-cert-auth=true",
		"--peer-key-file=/etc/kubernetes/pki/etcd/peer.key",
		"--peer-trusted-ca-file=/etc/kubernetes/pki/etcd/ca.crt",
		"--snapshot-count=10000",
		"--trusted-ca-file=/etc/kubernetes/pki/etcd/ca.crt",
		"--watch-progress-notify-interval=5s",
	}
}

// config says the same to an embedded server, with the node's paths moved under root. Flags cannot be parsed
// into it: embed.Config.AddFlags writes package variables, a data race as soon as two nodes run.
func (m member) config(root string) (*embed.Config, error) {
	cfg := embed.NewConfig()
	cfg.Name = nodeName
	cfg.Dir = filepath.Join(root, dataDir)
	cfg.ListenClientUrls, cfg.AdvertiseClientUrls = []url.URL{*m.client()}, []url.URL{*m.client()}
	cfg.ListenPeerUrls, cfg.AdvertisePeerUrls = []url.URL{*m.peer()}, []url.URL{*m.peer()}
	cfg.ListenMetricsUrls = []url.URL{*m.metrics()}
	cfg.InitialCluster = nodeName + "=" + m.peer().String()
	cfg.ClientTLSInfo = mutualTLS(root, "server")
	cfg.PeerTLSInfo = mutualTLS(root, "peer")
	cfg.SnapshotCount = 10000
	cfg.WatchProgressNotifyInterval = 5 * time.Second
	cfg.ZapLoggerBuilder = embed.NewZapLoggerBuilder(zap.NewNop())
	gates, ok := cfg.ServerFeatureGate.(featuregate.MutableFeatureGate)
	if !ok {
		return nil, errors.New("configure etcd: its feature gates cannot be set, use etcd v3.7")
	}
	return cfg, gates.Set("InitialCorruptCheck=true")
}

func mutualTLS(root, leaf string) transport.TLSInfo {
	pki := filepath.Join(root, pkiDir, "etcd")
	return transport.TLSInfo{
		CertFile:       filepath.Join(pki, leaf+".crt"),
		KeyFile:        filepath.Join(pki, leaf+".key"),
		TrustedCAFile:  filepath.Join(pki, "ca.crt"),
		ClientCertAuth: true,
	}
}

// start runs etcd until it can serve. The caller stops it.
func (m member) start(ctx context.Context, root string) (*embed.Etcd, error) {
	cfg, err := m.config(root)
	if err != nil {
		return nil, err
	}
	server, err := embed.StartEtcd(cfg)
	if err != nil {
		return nil, fmt.Errorf("start etcd: %w", err)
	}
	select {
	case <-server.Server.ReadyNotify():
		return server, nil
	case <-server.Server.StopNotify():
		err = errors.New("it stopped before it was ready")
	case <-ctx.Done():
		err = ctx.Err()
	}
	return nil, errors.Join(fmt.Errorf("start etcd: %w", err), stop(server))
}

// stop ends etcd and returns the errors of its listeners, which Close has collected.
func stop(server *embed.Etcd) error {
	server.Close()
	var errs []error
	for err := range server.Err() {
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("run etcd: %w", err)
	}
	return nil
}
