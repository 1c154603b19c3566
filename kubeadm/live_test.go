package kubeadm_test

import (
	"strings"
	"testing"

	"github.com/clustersnap/clustersnap/kubeadm"
)

func TestLive(t *testing.T) {
	node, err := kubeadm.Read(node(t, "v1.37"), kubeadm.Options{})
	if err != nil {
		t.Fatal(err)
	}
	other := kubeadm.Member{ID: "b", Name: "cp-2", PeerURLs: []string{"https://10.0.0.12:2380"}}
	member := func(edit func(*kubeadm.Member)) []kubeadm.Member {
		m := kubeadm.Member{ID: "a", Name: "cp-1", PeerURLs: []string{"https://10.0.0.11:2380"}}
		if edit != nil {
			edit(&m)
		}
		return []kubeadm.Member{other, m}
	}
	for name, c := range map[string]struct {
		members []kubeadm.Member
		version string
		drift   string // what the one sentence says
		lost    bool
	}{
		"as declared":          {members: member(nil), version: "3.7.0"},
		"version not known":    {members: member(nil)},
		"peer URL of old":      {members: member(func(m *kubeadm.Member) { m.PeerURLs = []string{"https://127.0.0.1:2380"} }), drift: "https://127.0.0.1:2380"},
		"one more peer URL":    {members: member(func(m *kubeadm.Member) { m.PeerURLs = append(m.PeerURLs, "https://10.1.0.11:2380") }), drift: "https://10.1.0.11:2380"},
		"another name":         {members: member(func(m *kubeadm.Member) { m.Name = "old" }), drift: `"old"`},
		"learner":              {members: member(func(m *kubeadm.Member) { m.Learner = true }), drift: "learner"},
		"another version":      {members: member(nil), version: "3.6.8", drift: "3.6.8"},
		"not there":            {members: []kubeadm.Member{other}, lost: true},
		"no members":           {lost: true},
		"two of its name":      {members: []kubeadm.Member{{Name: "cp-1"}, {Name: "cp-1"}}, lost: true},
		"peer URL before name": {members: member(func(m *kubeadm.Member) { m.Name, other.Name = "x", "cp-1" }), drift: `"x"`},
	} {
		live, err := node.Etcd.Live(c.members, c.version)
		if (err != nil) != c.lost {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if c.lost {
			continue
		}
		said := strings.Join(live.Drift, "\n")
		if live.ID != "a" || (c.drift == "") != (said == "") || !strings.Contains(said, c.drift) || len(live.Drift) > 1 {
			t.Errorf("%s: got %+v", name, live)
		}
	}
}
