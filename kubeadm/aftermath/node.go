package aftermath

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
)

// node is what is kept of a Node and its Lease.
type node struct {
	name     string
	hostname string // by which volumes name it
	ready    corev1.ConditionStatus
	why      string
	ranges   []netip.Prefix
	lease    *coordinationv1.LeaseSpec

	asked  bool     // what runs on it is known
	behind []string // what shows that its kubelet knows another time
}

var nodeList = resource{name: "nodes", path: "/api/v1/nodes", means: "what nodes there are, and what is of one that is gone"}

func (in *inspection) readNodes(ctx context.Context) error {
	nodes := map[string]*node{}
	ok, err := each(ctx, in, nodeList, func(o *corev1.Node) {
		n := &node{name: o.Name, hostname: o.Labels[corev1.LabelHostname], ready: corev1.ConditionUnknown, why: "nobody has said"}
		for _, c := range o.Status.Conditions {
			if c.Type == corev1.NodeReady {
				n.ready, n.why = c.Status, plain(cmp.Or(c.Message, c.Reason), maxError)
			}
		}
		for _, text := range o.Spec.PodCIDRs {
			if r, err := netip.ParsePrefix(text); err == nil {
				n.ranges = append(n.ranges, r.Masked())
			}
		}
		nodes[o.Name] = n
	})
	if !ok || err != nil {
		return err
	}
	in.nodes, in.report.Nodes = nodes, len(nodes)
	in.compareNodes()
	in.compareRanges()
	return nil
}

// compareNodes holds the nodes of etcd against those that exist.
func (in *inspection) compareNodes() {
	if in.exist == nil {
		return
	}
	for name := range in.exist {
		if in.nodes[name] == nil {
			in.report.add(Finding{
				Kind: NodeUnknown, Severity: Act, Object: Object{Kind: "Node", Name: name}, Node: name,
				What: "it exists, and etcd has no Node of it",
				Next: "restart its kubelet, which makes the Node as it starts, or join it anew where its certificate is refused",
			})
		}
	}
	for name := range in.nodes {
		if in.gone(name) {
			in.report.add(Finding{
				Kind: NodeGone, Severity: Act, Object: Object{Kind: "Node", Name: name}, Node: name,
				What: "etcd has it, and it does not exist",
				Next: "delete the Node, so that its pods are made elsewhere, and its etcd member if it has one",
			})
		}
	}
}

// gone reports whether a node does not exist, whatever etcd says.
func (in *inspection) gone(name string) bool {
	return in.nodes[name] == nil || in.exist != nil && !in.exist[name]
}

// expired reports whether a Lease was not renewed in time.
func expired(lease *coordinationv1.LeaseSpec, now time.Time) bool {
	if lease.RenewTime == nil || lease.LeaseDurationSeconds == nil {
		return true
	}
	return now.After(lease.RenewTime.Add(time.Duration(*lease.LeaseDurationSeconds) * time.Second))
}

// talks reports whether the kubelet of a node renews its Lease.
func (in *inspection) talks(n *node) bool {
	return in.leases && n.lease != nil && !expired(n.lease, in.now)
}

// judgeNodes tells of the nodes that are not as they should be, but for those that do not exist.
func (in *inspection) judgeNodes() {
	for name, n := range in.nodes {
		f := Finding{Severity: Act, Object: Object{Kind: "Node", Name: name}, Node: name}
		switch {
		case in.gone(name):
			continue
		case in.leases && !in.talks(n):
			f.Kind = NodeSilent
			f.What = "its kubelet has " + in.renewed(n.lease) + ", and its condition Ready is " + string(n.ready)
			f.Next = "start its kubelet, or see on the node why it can't reach the API server; if the node is no more, delete it"
		case n.ready != corev1.ConditionTrue:
			f.Kind = NodeNotReady
			f.What = fmt.Sprintf("its condition Ready is %s: %s", n.ready, n.why)
			f.Next = "see the log of its kubelet"
		default:
			continue
		}
		in.report.add(f)
	}
}

// renewed says when a Lease was.
func (in *inspection) renewed(lease *coordinationv1.LeaseSpec) string {
	if lease == nil || lease.RenewTime == nil {
		return "never renewed its Lease"
	}
	return fmt.Sprintf("not renewed its Lease for %s", in.now.Sub(lease.RenewTime.Time).Round(time.Second))
}

// named are the nodes in order.
func (in *inspection) named() []*node {
	return slices.SortedFunc(maps.Values(in.nodes), func(a, b *node) int { return cmp.Compare(a.name, b.name) })
}
