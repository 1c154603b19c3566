package snapshots

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/clustersnap/clustersnap/etcdsnap"
	"github.com/clustersnap/clustersnap/internal/e2e/etcdbed"
	"github.com/clustersnap/clustersnap/internal/e2e/peers"
)

// A snapshot that is taken while clients write is what etcd had at its revision, and what etcd's own
// tools say of it.
func TestSaveUnderLoad(t *testing.T) {
	for version, etcd := range etcdbed.Versions() {
		for _, members := range []int{1, 3} {
			t.Run(fmt.Sprintf("etcd %s, %d members", version, members), func(t *testing.T) {
				c := etcdbed.Start(t, etcdbed.Options{Etcd: etcd, Members: members})
				load := c.Load(t, etcdbed.LoadOptions{})
				load.Await(2000)
				path, saved := save(t, c.Client(t), etcdsnap.Options{})
				load.Stop()
				if saved.Content.Revision < saved.MinRevision || saved.MinRevision < 500 {
					t.Errorf("revision %d, and at least %d was wanted", saved.Content.Revision, saved.MinRevision)
				}
				if saved.Member.Leader != (members == 1) {
					t.Errorf("saved from %+v: a follower is to come first", saved.Member)
				}
				if len(saved.Others) != members-1 {
					t.Errorf("%d others were asked, want %d", len(saved.Others), members-1)
				}
				for _, m := range c.Members {
					sameHash(t, path, m)
				}
				likeEtcdutl(t, path, saved.Info)
			})
		}
	}
}

// likeEtcdutl holds what we found against etcdutl snapshot status.
func likeEtcdutl(t testing.TB, path string, info etcdsnap.Info) {
	t.Helper()
	var status struct {
		Hash                          uint32
		Revision, TotalKey, TotalSize int64
		Version                       string
	}
	if err := json.Unmarshal(peers.EtcdUtl37.Output(t, "snapshot", "status", path, "-w", "json"), &status); err != nil {
		t.Fatal(err)
	}
	c := info.Content
	if c.Hash != status.Hash || c.Keyspace.Keys != status.TotalKey || c.StorageVersion != status.Version || c.Revision < status.Revision {
		t.Errorf("found %+v with %d keys, etcdutl says %+v", *c, c.Keyspace.Keys, status)
	}
}
