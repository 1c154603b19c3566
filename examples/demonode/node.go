package demonode

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

const nodeName = "demo"

// Node is a running demonstration node. The zero value is of no use: call [Start].
type Node struct {
	Root     string // absolute path of the directory that stands for the node's /
	Endpoint string // etcd's client URL, https://127.0.0.1:PORT

	member member
	stop   func() error
}

// Start writes the tree of a control-plane node into dir, which must exist and be empty, starts etcd there and
// fills it. Afterwards etcd holds exactly that number of objects; a third of them was edited twice or three
// times, and a tenth more was made and deleted, so that history and tombstones exist.
//
// ctx bounds the start only. The caller closes the node. After an error nothing runs, and what was
// written to dir stays for the caller to remove.
func Start(ctx context.Context, dir string, objects int) (*Node, error) {
	if objects < 0 {
		return nil, fmt.Errorf("start node: %d objects asked for, give zero or more", objects)
	}
	root, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("start node: %w", err)
	}
	if err := writeTree(root, time.Now()); err != nil {
		return nil, fmt.Errorf("start node: %w", err)
	}
	node := &Node{Root: root}
	if err := node.settle(ctx, newMember); err != nil {
		return nil, fmt.Errorf("start node: %w", err)
	}
	if err := node.fill(ctx, objects); err != nil {
		return nil, errors.Join(fmt.Errorf("start node: %w", err), node.Close())
	}
	return node, nil
}

// settle picks ports, writes the manifests that name them and starts etcd. Somebody else can take a port
// before etcd listens on it: then it tries again with others.
func (n *Node) settle(ctx context.Context, pick func() (member, error)) error {
	tree, err := os.OpenRoot(n.Root)
	if err != nil {
		return fmt.Errorf("open node tree: %w", err)
	}
	defer tree.Close()
	for tries := 5; ; tries-- {
		if n.member, err = pick(); err != nil {
			return err
		}
		n.Endpoint = n.member.client().String()
		if err := writeManifests(tree, n.member); err != nil {
			return err
		}
		err := n.run(ctx)
		if taken := new(net.OpError); tries == 0 || !errors.As(err, &taken) {
			return err
		}
		// What etcd may have begun there names the lost ports.
		if err := tree.RemoveAll(dataDir); err != nil {
			return fmt.Errorf("start etcd again: %w", err)
		}
	}
}

// Restart starts etcd again, after Close, as the manifest says and on what now lies in its data directory. The caller
// closes the node once more.
func (n *Node) Restart(ctx context.Context) error {
	if err := n.run(ctx); err != nil {
		return fmt.Errorf("restart node: %w", err)
	}
	return nil
}

func (n *Node) run(ctx context.Context) error {
	server, err := n.member.start(ctx, n.Root)
	if err != nil {
		return err
	}
	n.stop = sync.OnceValue(func() error { return stop(server) })
	return nil
}

// Close stops etcd and waits until it has gone; the files stay. It returns what had gone wrong in etcd since it
// was started. Further calls return the same.
func (n *Node) Close() error { return n.stop() }

// Client connects to etcd by mutual TLS with the node's healthcheck-client certificate, as kubeadm's own tools do.
// The caller closes the client.
func (n *Node) Client() (*clientv3.Client, error) {
	pki := filepath.Join(n.Root, pkiDir, "etcd")
	pair, err := tls.LoadX509KeyPair(filepath.Join(pki, "healthcheck-client.crt"), filepath.Join(pki, "healthcheck-client.key"))
	if err != nil {
		return nil, fmt.Errorf("connect to etcd: %w", err)
	}
	ca, err := os.ReadFile(filepath.Join(pki, "ca.crt"))
	if err != nil {
		return nil, fmt.Errorf("connect to etcd: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca) {
		return nil, fmt.Errorf("connect to etcd: no certificate in %s", filepath.Join(pki, "ca.crt"))
	}
	client, err := clientv3.New(clientv3.Config{
		Endpoints: []string{n.Endpoint},
		TLS:       &tls.Config{Certificates: []tls.Certificate{pair}, RootCAs: roots},
		Logger:    zap.NewNop(),
	})
	if err != nil {
		return nil, fmt.Errorf("connect to etcd: %w", err)
	}
	return client, nil
}
