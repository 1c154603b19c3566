package snapshots

import (
	"bytes"
	"testing"

	"github.com/clustersnap/clustersnap/etcdsnap"
	"github.com/clustersnap/clustersnap/internal/e2e/etcdbed"
	"github.com/clustersnap/clustersnap/internal/e2e/peers"
)

// Etcd 3.4 is not supported, but what it left is understood: its status says less, and its data state no version and
// no term.
func TestEtcd34(t *testing.T) {
	c := etcdbed.Start(t, etcdbed.Options{Etcd: peers.Etcd34})
	m := c.Members[0]
	load := c.Load(t, etcdbed.LoadOptions{Compact: true})
	load.Await(1500)
	path, saved := save(t, c.Client(t), etcdsnap.Options{})
	load.Stop()
	likeEtcdutl(t, path, saved.Info)
	if saved.Member.Version != "3.4.12" || saved.StorageVersion != "" || saved.Content.StorageVersion != "" || saved.Content.ClusterVersion != "3.4.0" || saved.Content.Term != 0 {
		t.Errorf("saved %+v of %+v", saved.Content, saved.Member)
	}
	m.Kill(t)
	var b bytes.Buffer
	stopped, err := etcdsnap.SaveStopped(t.Context(), &b, m.DataDir, etcdsnap.StoppedOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if stopped.Content.Revision < saved.Content.Revision || stopped.LogIndex != stopped.Content.ConsistentIndex+stopped.Behind {
		t.Errorf("stopped: %+v with %+v, saved before: %+v", stopped, stopped.Content, saved.Content)
	}
}
