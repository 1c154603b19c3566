package aftermath

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// slack is how long a kubelet may take to do what it is told. It is told at once.
const slack = time.Minute

// behind notes what shows that the kubelet of a node knows another time than etcd's.
func (in *inspection) behind(node string, count int, format string) {
	if n := in.nodes[node]; n != nil && count > 0 {
		pods := "1 pod"
		if count > 1 {
			pods = fmt.Sprintf("%d pods", count)
		}
		n.behind = append(n.behind, fmt.Sprintf(format, pods))
	}
}

// kubelets says which ones to restart. A kubelet that renews its Lease, and does not do what etcd says, waits for events that
// it will not be told of: kubernetes#95958, #118501.
func (in *inspection) kubelets(context.Context) error {
	idle, stays := map[string]int{}, map[string]int{}
	for _, p := range in.pods {
		n := in.nodes[p.node]
		if n == nil || p.mirror != "" || p.ended() || !in.talks(n) {
			continue
		}
		switch {
		case !p.end.IsZero():
			if in.now.After(p.end.Add(slack)) {
				stays[p.node]++
			}
		case !p.begun && in.now.After(p.placed.Add(slack)):
			idle[p.node]++
		}
	}
	back := in.report.Before > 0 && in.report.Revision > 0 && in.report.Revision <= in.report.Before
	for _, n := range in.named() {
		if in.gone(n.name) {
			continue
		}
		in.behind(n.name, idle[n.name], "has not begun with %s that it was given")
		in.behind(n.name, stays[n.name], "has not ended %s of those that were deleted")
		if back {
			n.behind = append(n.behind, "has seen a revision that is still to come, unless it was restarted since")
		}
		if len(n.behind) == 0 {
			continue
		}
		in.report.add(Finding{
			Kind: KubeletRestart, Severity: Act, Object: Object{Kind: "Node", Name: n.name}, Node: n.name,
			What: "its kubelet " + strings.Join(n.behind, ", and "),
			Next: "systemctl restart kubelet on the node: running containers stay",
		})
	}
	return nil
}
