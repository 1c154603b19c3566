package aftermath

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// pool is a kind of object in which a CNI plugin keeps who has which addresses.
type pool struct {
	resource
	groupVersion, kind, plugin string
}

// pools are those of Calico (libcalico-go, lib/apis/crd.projectcalico.org/v1) and of Cilium (pkg/k8s/apis/cilium.io/v2).
var pools = []pool{
	{
		resource{
			name: "ipamblocks.crd.projectcalico.org", path: "/apis/crd.projectcalico.org/v1/ipamblocks",
			means: "what addresses Calico has given",
		}, "crd.projectcalico.org/v1", "IPAMBlock", "Calico",
	},
	{
		resource{
			name: "blockaffinities.crd.projectcalico.org", path: "/apis/crd.projectcalico.org/v1/blockaffinities",
			means: "what addresses Calico has given",
		}, "crd.projectcalico.org/v1", "BlockAffinity", "Calico",
	},
	{
		resource{
			name: "ciliumnodes.cilium.io", path: "/apis/cilium.io/v2/ciliumnodes",
			means: "what addresses Cilium has given",
		}, "cilium.io/v2", "CiliumNode", "Cilium",
	},
}

// poolObject is what is read of any of them.
type poolObject struct {
	metav1.ObjectMeta `json:"metadata"`
	Spec              struct {
		Node     string `json:"node"`     // of a BlockAffinity
		Affinity string `json:"affinity"` // of an IPAMBlock: host:NODE
	} `json:"spec"`
}

const nextNetwork = "the pod network may need a reset: restart its agents on all nodes and the pods whose address is wrong; " +
	"calicoctl ipam check or cilium status say more"

// podNetwork judges addresses by the ranges of nodes, and where the plugin has ranges of its own names the objects that have
// them.
func (in *inspection) podNetwork(ctx context.Context) error {
	own := false
	for _, p := range pools {
		there, err := in.serves(ctx, p.groupVersion)
		if err != nil {
			return err
		}
		if !there {
			continue
		}
		own = true
		if err := in.readPool(ctx, p); err != nil {
			return err
		}
	}
	in.sameAddress()
	if !own {
		in.outside()
	}
	return nil
}

func (in *inspection) readPool(ctx context.Context, p pool) error {
	count, gone := 0, []string{}
	ok, err := each(ctx, in, p.resource, func(o *poolObject) {
		count++
		node := cmp.Or(o.Spec.Node, strings.TrimPrefix(o.Spec.Affinity, "host:"))
		if p.kind == "CiliumNode" {
			node = o.Name
		}
		if in.nodes != nil && node != "" && in.gone(node) && !slices.Contains(gone, node) {
			gone = append(gone, node)
		}
	})
	if !ok || err != nil || count == 0 {
		return err
	}
	f := Finding{
		Kind: PodNetwork, Severity: Look, Object: Object{Kind: p.kind}, Next: nextNetwork,
		What: fmt.Sprintf("%s keeps addresses of pods in %d objects, which are of the time of the snapshot", p.plugin, count),
	}
	if len(gone) > 0 {
		slices.Sort(gone)
		f.Severity = Act
		f.What += ", among them those of nodes that are not there: " + some(gone)
	}
	in.report.add(f)
	return nil
}

// sameAddress finds pods that have the same address.
func (in *inspection) sameAddress() {
	first := map[netip.Addr]*pod{}
	for _, p := range in.podsInOrder() {
		if p.ended() {
			continue
		}
		for _, a := range p.addresses {
			other := first[a]
			if other == nil {
				first[a] = p
				continue
			}
			in.report.add(Finding{
				Kind: PodAddress, Severity: Act, Object: p.object(), Node: p.node, Next: nextNetwork,
				What: fmt.Sprintf("its address %s is that of %s/%s, too", a, other.namespace, other.name),
			})
		}
	}
}

// outside finds pods whose address is not of the range of their node.
func (in *inspection) outside() {
	for _, p := range in.pods {
		n := in.nodes[p.node]
		if n == nil || len(n.ranges) == 0 || p.ended() {
			continue
		}
		for _, a := range p.addresses {
			if !slices.ContainsFunc(n.ranges, func(r netip.Prefix) bool { return r.Contains(a) }) {
				in.report.add(Finding{
					Kind: PodAddress, Severity: Act, Object: p.object(), Node: p.node, Next: nextNetwork,
					What: fmt.Sprintf("its address %s is not of the range of its node %s, %s", a, n.name, some(texts(n.ranges))),
				})
			}
		}
	}
}

func texts(ranges []netip.Prefix) []string {
	var all []string
	for _, r := range ranges {
		all = append(all, r.String())
	}
	return all
}

// compareRanges finds nodes whose ranges overlap. Of two prefixes one holds the other, or they share nothing: so ordered by
// where they begin, and the widest first, each is held against the last that none before it holds.
func (in *inspection) compareRanges() {
	type owned struct {
		netip.Prefix
		node string
	}
	var all []owned
	for _, n := range in.named() {
		for _, r := range n.ranges {
			all = append(all, owned{r, n.name})
		}
	}
	slices.SortStableFunc(all, func(a, b owned) int {
		return cmp.Or(a.Addr().Compare(b.Addr()), cmp.Compare(a.Bits(), b.Bits()))
	})
	for i, widest := 1, 0; i < len(all); i++ {
		if !all[widest].Overlaps(all[i].Prefix) {
			widest = i
			continue
		}
		if all[widest].node == all[i].node {
			continue
		}
		in.report.add(Finding{
			Kind: PodRange, Severity: Act, Object: Object{Kind: "Node", Name: all[i].node}, Node: all[i].node,
			What: fmt.Sprintf("its range of pod addresses %s overlaps with %s of node %s",
				all[i].Prefix, all[widest].Prefix, all[widest].node),
			Next: "delete the Node of one of them and restart its kubelet, so that it gets another range, then restart its pods",
		})
	}
}
