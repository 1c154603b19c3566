package restore

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"github.com/clustersnap/clustersnap/kubeadm"
)

// startEtcd starts etcd alone, and holds it against what was staged: with a directory that is not the one of the plan it
// would begin an empty cluster without a word.
func (m *machine) startEtcd(ctx context.Context) (line, error) {
	if err := m.fenced(apiServer, controllerManager, scheduler); err != nil {
		return line{}, err
	}
	if err := m.inPlace(); err != nil {
		return line{}, err
	}
	if err := m.plan.alone(ctx, m.was.Members); err != nil {
		return line{}, err
	}
	one := m.plan.pods()[0]
	if err := m.putIn(one); err != nil {
		return line{}, err
	}
	// A kubelet may not start a pod whose manifest has left and come back (kubernetes/kubernetes#107483): a new one does.
	if err := m.restart(ctx); err != nil {
		return line{}, err
	}
	if err := m.wait(ctx, "etcd to answer", m.etcdIsStaged); err != nil {
		return line{}, err
	}
	return line{}, m.startOthers()
}

// restart restarts the kubelet, if one is given.
func (m *machine) restart(ctx context.Context) error {
	if m.host.Kubelet == nil {
		return nil
	}
	m.host.Changed("restart kubelet")
	ctx, cancel := context.WithTimeout(ctx, m.host.Limit)
	defer cancel()
	return m.host.Kubelet.Restart(ctx)
}

// etcdIsStaged asks the running etcd for what is known of the staged one. No answer may become one; a wrong answer stays.
func (m *machine) etcdIsStaged(ctx context.Context) error {
	if err := m.untouched(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	client, err := m.dialEtcd(m.plan)
	if err != nil {
		return &fatalError{err} // all files are in their places
	}
	defer client.Close()
	if err := m.handshake(ctx); err != nil {
		return err
	}
	want := m.staged()
	if want == nil {
		return &fatalError{errors.New("the journal does not say what was staged")}
	}
	wrong := func(what string, is, should any) error {
		return &fatalError{fmt.Errorf("etcd has started with %s %v, and %v was restored", what, is, should)}
	}
	list, err := client.MemberList(ctx)
	if err != nil {
		return err
	}
	// First of all: one with other data may not have the revision yet that is asked for, and say no more than that.
	if id := fmt.Sprintf("%x", list.Header.ClusterId); id != want.ClusterID {
		return wrong("cluster", id, want.ClusterID)
	}
	// That of the revision itself, as keys of a lease may have gone since.
	all, err := client.Get(ctx, "\x00", clientv3.WithFromKey(), clientv3.WithCountOnly(), clientv3.WithRev(want.Revision))
	if err != nil {
		return err
	}
	if all.Header.Revision < want.Revision {
		return wrong("revision", all.Header.Revision, want.Revision)
	}
	if all.Count != want.Keys {
		return wrong("number of keys", all.Count, want.Keys)
	}
	if len(list.Members) != 1 {
		return wrong("number of members", len(list.Members), 1)
	}
	var should []string
	for _, u := range m.plan.Node.Etcd.PeerURLs {
		should = append(should, u.Value)
	}
	if is := list.Members[0].PeerURLs; !slices.Equal(slices.Sorted(slices.Values(is)), slices.Sorted(slices.Values(should))) {
		return wrong("peer URLs", is, should)
	}
	return nil
}

// untouched is an error if somebody may be writing to etcd: one that stays if that is so, and one that may pass if it is not
// known.
func (m *machine) untouched(ctx context.Context) error {
	if err := m.fenced(apiServer, controllerManager, scheduler); err != nil {
		return &fatalError{err}
	}
	err := m.ended(ctx, m.plan.pods()[1:]...)
	if running := new(runningError); errors.As(err, &running) {
		return &fatalError{fmt.Errorf("it was started while etcd is to run alone: %w", err)}
	}
	return err
}

// etcdTLS is what a client needs, as the node's files are now.
func (m *machine) etcdTLS(p *Plan) (*tls.Config, error) {
	config, _, err := p.Node.Etcd.ClientTLS(kubeadm.NodeFS(m.at.root), m.host.Now())
	return config, err
}

// dialEtcd makes a client of the node's own etcd, which need not answer yet.
func (m *machine) dialEtcd(p *Plan) (*clientv3.Client, error) {
	config, err := m.etcdTLS(p)
	if err != nil {
		return nil, err
	}
	var endpoints []string
	for _, e := range p.Node.Etcd.Endpoints {
		endpoints = append(endpoints, e.Value)
	}
	return clientv3.New(clientv3.Config{Endpoints: endpoints, TLS: config, Logger: zap.NewNop()}) // errors are returned, too
}

// handshake says what is wrong with the connection: etcd's client alone would say "context deadline exceeded".
func (m *machine) handshake(ctx context.Context) error {
	config, err := m.etcdTLS(m.plan)
	if err != nil {
		return err
	}
	host := hostOf(m.plan.Node.Etcd.Endpoints[0].Value)
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", host)
	if err != nil || config == nil {
		return errors.Join(err, closeConn(conn))
	}
	defer conn.Close()
	config = config.Clone()
	if config.ServerName, _, err = net.SplitHostPort(host); err != nil {
		return err
	}
	err = tls.Client(conn, config).HandshakeContext(ctx)
	if err == nil {
		return nil
	}
	err = fmt.Errorf("connect to etcd at %s: %w", host, err)
	if wrong := new(tls.CertificateVerificationError); errors.As(err, &wrong) {
		return &fatalError{err}
	}
	return err
}

func closeConn(conn net.Conn) error {
	if conn == nil {
		return nil
	}
	return conn.Close()
}
