package main

import (
	"slices"
	"strings"
	"time"

	"github.com/clustersnap/clustersnap/kubeadm"
	"github.com/clustersnap/clustersnap/kubeadm/rehost"
)

func prefixOf(node *kubeadm.Node) string {
	if node.APIServer == nil {
		return ""
	}
	return node.APIServer.EtcdPrefix.Value
}

// oldMembers are those that must not answer any more: the old machine's own, which the new one may have the name of, and those
// that its manifest names.
func (p *hostPlan) oldMembers(was *kubeadm.Node) (all []kubeadm.Member) {
	var own, clients []string
	for _, u := range was.Etcd.PeerURLs {
		own = append(own, u.Value)
	}
	for _, u := range was.Etcd.ClientURLs {
		clients = append(clients, u.Value)
	}
	old := kubeadm.Member{Name: was.Etcd.Name.Value + " of the old machine", PeerURLs: own, ClientURLs: clients}
	all = append(all, old)
	for entry := range strings.SplitSeq(was.Etcd.InitialCluster.Value, ",") {
		if name, u, ok := strings.Cut(entry, "="); ok && !slices.Contains(own, u) {
			all = append(all, kubeadm.Member{Name: name, PeerURLs: []string{u}})
		}
	}
	return all
}

// findOthers plans what the other nodes need to find the new host, as if all were as they have been.
func (p *hostPlan) findOthers(past *pastObjects, now time.Time) error {
	join, err := rehost.Join(&past.Objects, p.from, p.to, nil, nil, now)
	if err != nil {
		return err
	}
	for _, s := range join.Steps {
		if s.Node != p.to.Name {
			p.others = append(p.others, s)
		}
	}
	return nil
}
