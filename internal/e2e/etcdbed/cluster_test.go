package etcdbed

import (
	"context"
	"crypto/tls"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"github.com/clustersnap/clustersnap/internal/e2e/peers"
)

func TestEveryVersionAnswersThroughTLS(t *testing.T) {
	for version, etcd := range map[string]peers.Program{"3.5.": peers.Etcd35, "3.6.": peers.Etcd36, "3.7.": peers.Etcd37} {
		for _, members := range []int{1, 3} {
			c := Start(t, Options{Etcd: etcd, Members: members})
			client := c.Client(t)
			for _, m := range c.Members {
				status, err := client.Status(t.Context(), m.Endpoint)
				if err != nil {
					t.Fatal(err)
				}
				if !strings.HasPrefix(status.Version, version) || status.Header.MemberId != m.ID {
					t.Errorf("%s is %x of version %s, want %x of %s", m.Name, status.Header.MemberId, status.Version, m.ID, version)
				}
			}
			if len(c.Members) != members || len(c.Followers(t)) != members-1 || c.Leader(t) == nil {
				t.Errorf("%d members, %d followers", len(c.Members), len(c.Followers(t)))
			}
		}
	}
}

func TestClientWithoutCertificateIsRefused(t *testing.T) {
	c := Start(t, Options{})
	config := &tls.Config{RootCAs: c.TLS(t).RootCAs}
	client, err := clientv3.New(clientv3.Config{Endpoints: c.Endpoints(), TLS: config, Logger: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if _, err := client.Get(ctx, "x"); err == nil {
		t.Error("a client without a certificate is answered")
	}
}

func TestKilledMemberComesBackWithItsData(t *testing.T) {
	c := Start(t, Options{Members: 3})
	load := c.Load(t, LoadOptions{Compact: true, Defragment: true})
	load.Await(1500)
	c.Members[1].Kill(t)
	load.Await(2000) // the others go on
	if writes := load.Stop(); writes < 2000 {
		t.Errorf("%d writes", writes)
	}
	c.Members[1].Restart(t)
	got, err := c.Client(t).Get(t.Context(), "none")
	if err != nil {
		t.Fatal(err)
	}
	revision := got.Header.Revision
	hash, compacted := c.Members[0].HashKV(t, revision)
	if compacted < 2 {
		t.Errorf("compacted up to %d: the load did not compact", compacted)
	}
	for _, m := range c.Members[1:] {
		if other, _ := m.HashKV(t, revision); other != hash {
			t.Errorf("%s has the hash %d, %s %d", m.Name, other, c.Members[0].Name, hash)
		}
	}
}

func TestNothingIsLeftRunning(t *testing.T) {
	var endpoint, dir string
	t.Run("cluster", func(t *testing.T) {
		c := Start(t, Options{})
		endpoint, dir = c.Endpoints()[0], c.Members[0].DataDir
	})
	if conn, err := net.Dial("tcp", strings.TrimPrefix(endpoint, "https://")); err == nil {
		conn.Close()
		t.Error("a member still listens")
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("its data are still there")
	}
}
