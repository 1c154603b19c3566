package kubeadm

import (
	"fmt"
	"slices"
	"strings"
)

// Member is one of a running etcd's member list.
type Member struct {
	ID       string   `json:"id"` // in hexadecimal, as etcdctl prints it
	Name     string   `json:"name"`
	PeerURLs []string `json:"peerURLs"`
	// ClientURLs are none before a member has started for the first time.
	ClientURLs []string `json:"clientURLs,omitempty"`
	Learner    bool     `json:"learner,omitempty"`
}

// Live is a node's own member as the running cluster has it.
type Live struct {
	Member
	// Drift says where the manifest says something else, a sentence each: etcd ignores name and URLs of its flags once it has data,
	// so the running cluster is right.
	Drift []string `json:"drift,omitempty"`
}

// Live finds the node's own member among those of the running cluster, by its peer URLs or else by its name, and compares. Version is
// that of the etcd that runs on the node, such as "3.6.5", or empty if it is not known.
//
// The error is that there is no such member: the node has left the cluster, or that is another one.
func (e *Etcd) Live(members []Member, version string) (*Live, error) {
	var urls []string
	for _, u := range e.PeerURLs {
		urls = append(urls, u.Value)
	}
	at := slices.IndexFunc(members, func(m Member) bool {
		return slices.ContainsFunc(m.PeerURLs, func(u string) bool { return slices.Contains(urls, u) })
	})
	named := func(m Member) bool { return m.Name == e.Name.Value }
	if at < 0 {
		at = slices.IndexFunc(members, named)
		if at >= 0 && slices.ContainsFunc(members[at+1:], named) {
			return nil, fmt.Errorf("several members have the name %s (%s), and none its peer URL: which one is this node's?", e.Name.Value, e.Name.Source)
		}
	}
	if at < 0 {
		return nil, fmt.Errorf("none of %d members has the peer URL %s or the name %s (%s): is that another cluster?",
			len(members), strings.Join(urls, " or "), e.Name.Value, e.Name.Source)
	}
	live := &Live{Member: members[at]}
	drift := func(format string, args ...any) { live.Drift = append(live.Drift, fmt.Sprintf(format, args...)) }
	if !slices.Equal(slices.Sorted(slices.Values(urls)), slices.Sorted(slices.Values(live.PeerURLs))) {
		// Clusters that were born with kubeadm 1.12 or before have the address of loopback (kubernetes/kubeadm#1950).
		drift("the member's peer URL is %s, and its manifest says %s", strings.Join(live.PeerURLs, ","), strings.Join(urls, ","))
	}
	if live.Name != e.Name.Value {
		drift("the member's name is %q, and its manifest says %q", live.Name, e.Name.Value)
	}
	if live.Learner {
		drift("the member is a learner: it may lack data, and is no source of snapshots")
	}
	if version != "" && e.Version.Value != "" && version != e.Version.Value {
		drift("etcd %s runs, and its image is tagged %s", version, e.Version.Value)
	}
	return live, nil
}
