package aftermath

import (
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// comparePods finds phantoms and lost pods. If the first list gives any, the second decides: a pod may have come or gone while
// nodes were asked.
func (in *inspection) comparePods(ctx context.Context, answers map[string]answer) error {
	c := comparison{in: in, first: viewOf(in.pods), answers: answers}
	if !c.differs() {
		return nil
	}
	again, err := in.listPods(ctx)
	if again == nil || err != nil {
		return err
	}
	c.second = viewOf(again)
	for name, a := range answers {
		if a.err == nil {
			c.phantoms(name, a.pods)
			c.later(name, a.pods)
			c.lost(name, a.pods)
		}
	}
	in.orphans(c.second)
	return nil
}

// view is a list of pods.
type view struct {
	known map[string]*pod   // by the UID that the kubelet knows them by, and by that of the mirror pod
	on    map[string][]*pod // by node
}

func viewOf(pods map[string]*pod) view {
	v := view{make(map[string]*pod, len(pods)), map[string][]*pod{}}
	for uid, p := range pods {
		v.known[uid] = p
		if p.mirror != "" {
			v.known[p.mirror] = p
		}
		if p.node != "" {
			v.on[p.node] = append(v.on[p.node], p)
		}
	}
	return v
}

// comparison holds what nodes run against two lists, one before they were asked and one after.
type comparison struct {
	in            *inspection
	first, second view
	answers       map[string]answer
}

// differs reports whether there is anything to tell, by one list alone.
func (c comparison) differs() bool {
	for name, a := range c.answers {
		if a.err != nil {
			continue
		}
		for _, r := range a.pods {
			if p := c.first.known[r.UID]; p == nil || r.ahead(p) {
				return true
			}
		}
		runs := runningUIDs(a.pods)
		if slices.ContainsFunc(c.first.on[name], func(p *pod) bool { return p.lost(runs, c.in.now) }) {
			return true
		}
	}
	for node := range c.first.on {
		if c.in.gone(node) {
			return true
		}
	}
	return false
}

func runningUIDs(pods []RunningPod) map[string]bool {
	uids := make(map[string]bool, len(pods))
	for _, r := range pods {
		uids[r.UID] = true
	}
	return uids
}

func (c comparison) phantoms(node string, pods []RunningPod) {
	count := 0
	for _, r := range pods {
		if c.first.known[r.UID] != nil || c.second.known[r.UID] != nil {
			continue
		}
		f := Finding{
			Kind: PhantomPod, Severity: Act, Object: Object{Kind: "Pod", Namespace: r.Namespace, Name: r.Name}, Node: node,
			What: fmt.Sprintf("node %s runs it with UID %s, and etcd has no such pod", node, plain(r.UID, 64)),
			Next: "restart the kubelet of its node, which ends it: it holds memory, an address and volumes that are given to others; " +
				"if it has to go on, make it anew in the cluster first",
		}
		if r.static() {
			f.Kind, f.Severity = StaticPod, Look
			f.What = fmt.Sprintf("node %s runs it by a manifest of its own, and etcd has no mirror pod of it", node)
			f.Next = "its kubelet makes the mirror pod: restart the kubelet if that stays away"
		} else {
			count++
		}
		c.in.report.add(f)
	}
	c.in.behind(node, count, "runs %s that etcd does not have")
}

// later finds pods of which the kubelet has seen a version that etcd has no more.
func (c comparison) later(node string, pods []RunningPod) {
	count := 0
	for _, r := range pods {
		if p := c.second.known[r.UID]; p != nil && r.ahead(p) {
			count++
		}
	}
	c.in.behind(node, count, "goes by versions of %s that are later than those of etcd")
}

// lag is how old what a node runs may be: a kubelet looks every 2 s, see runtimeCache in pkg/kubelet/container of
// kubernetes/kubernetes.
const lag = 10 * time.Second

// lost reports whether a pod should run on its node, and is not among what that runs.
func (p *pod) lost(runs map[string]bool, now time.Time) bool {
	should := p.phase == corev1.PodRunning && p.end.IsZero() && now.After(p.changed.Add(lag))
	return should && !runs[p.uid] && (p.mirror == "" || !runs[p.mirror])
}

func (c comparison) lost(node string, pods []RunningPod) {
	runs, count := runningUIDs(pods), 0
	for _, p := range c.first.on[node] {
		now := c.second.known[p.uid]
		if now == nil || !p.lost(runs, c.in.now) || !now.lost(runs, c.in.now) || c.in.gone(node) {
			continue
		}
		count++
		c.in.report.add(Finding{
			Kind: LostPod, Severity: Act, Object: p.object(), Node: node,
			What: fmt.Sprintf("etcd has it as running on node %s, which does not run it", node),
			Next: "restart the kubelet of its node, which starts it or says that it has ended",
		})
	}
	c.in.behind(node, count, "does not run %s that etcd has as running")
}

// orphans are the pods on nodes that are not there.
func (in *inspection) orphans(now view) {
	for node, pods := range now.on {
		if !in.gone(node) {
			continue
		}
		why := "which does not exist"
		if in.nodes[node] == nil {
			why = "of which it has no Node"
		}
		for _, p := range pods {
			if p.ended() {
				continue
			}
			in.report.add(Finding{
				Kind: LostPod, Severity: Act, Object: p.object(), Node: node,
				What: fmt.Sprintf("etcd has it on node %s, %s", node, why),
				Next: "see to the Node first, then delete the pod with grace period 0 if it stays: its controller makes another",
			})
		}
	}
}
