package aftermath

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	askedAtOnce = 16               // nodes
	patience    = 20 * time.Second // for the answer of one: the API server alone waits longer for a node that is down
	maxRunning  = 10_000           // pods of one node; a kubelet runs 110 unless told otherwise
)

// answer is what a node runs.
type answer struct {
	pods []RunningPod
	err  error
}

// askNodes compares what nodes run with what etcd has.
func (in *inspection) askNodes(ctx context.Context) error {
	if in.pods == nil || in.nodes == nil {
		return nil
	}
	answers := in.ask(ctx)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	for name, a := range answers {
		if n := in.nodes[name]; n != nil && a.err == nil {
			n.asked = true
		}
		if a.err != nil && !in.gone(name) {
			in.report.add(Finding{
				Kind: NotAsked, Severity: Act, Object: Object{Kind: "Node", Name: name}, Node: name,
				What: "what runs on it could not be asked, so it is not known whether etcd has it: " + short(a.err),
				Next: "let this be asked again when the node can be reached, or look on the node with crictl pods",
			})
		}
	}
	return in.comparePods(ctx, answers)
}

// ask asks all nodes that may be there.
func (in *inspection) ask(ctx context.Context) map[string]answer {
	names := map[string]bool{}
	for name := range in.nodes {
		names[name] = !in.gone(name)
	}
	running := in.opts.Running
	if running == nil {
		running = in.kubelet
	} else {
		for name := range in.exist {
			names[name] = true // without a Node, which the way through the API server needs
		}
	}
	var mu sync.Mutex
	var all sync.WaitGroup
	free := make(chan struct{}, askedAtOnce)
	answers := map[string]answer{}
	for name, there := range names {
		if !there {
			continue
		}
		free <- struct{}{}
		all.Go(func() {
			defer func() { <-free }()
			ctx, cancel := context.WithTimeout(ctx, patience)
			defer cancel()
			pods, err := running(ctx, name)
			if err == nil && len(pods) > maxRunning {
				err = fmt.Errorf("it is said to run %d pods, and %d is taken for an error", len(pods), maxRunning)
			}
			mu.Lock()
			defer mu.Unlock()
			answers[name] = answer{pods, err}
		})
	}
	all.Wait()
	return answers
}

// kubelet asks one, through the API server: what the container runtime runs, and what the kubelet itself wants to run and by
// what version of a Pod it goes. What it does not want, it ends by itself. See pkg/kubelet/server/server.go in
// kubernetes/kubernetes.
func (in *inspection) kubelet(ctx context.Context, node string) ([]RunningPod, error) {
	type list struct {
		Items []struct {
			Metadata metav1.ObjectMeta `json:"metadata"`
		} `json:"items"`
	}
	var runs, knows list
	if err := fromNode(ctx, in.rest, node, "/runningpods/", &runs); err != nil {
		return nil, err
	}
	if err := fromNode(ctx, in.rest, node, "/pods", &knows); err != nil {
		return nil, err
	}
	versions := map[string]string{}
	for _, p := range knows.Items {
		versions[string(p.Metadata.UID)] = p.Metadata.ResourceVersion
	}
	pods := make([]RunningPod, 0, len(runs.Items))
	for _, p := range runs.Items {
		uid := string(p.Metadata.UID)
		if version, wanted := versions[uid]; wanted {
			pods = append(pods, RunningPod{
				UID: uid, Namespace: p.Metadata.Namespace, Name: p.Metadata.Name, ResourceVersion: version,
			})
		}
	}
	return pods, nil
}

// ahead reports whether the kubelet has seen a later version of a pod than the server has, which must have been
// listed after the kubelet was asked.
func (r RunningPod) ahead(p *pod) bool {
	version, err := strconv.ParseUint(r.ResourceVersion, 10, 64)
	return err == nil && p.mirror == "" && version > p.version
}

// static reports whether a pod is one by a manifest of its node: the kubelet makes its UID of a hash, see applyDefaults in
// pkg/kubelet/config/common.go of kubernetes/kubernetes.
func (r RunningPod) static() bool {
	if len(r.UID) != 32 {
		return false
	}
	_, err := strconv.ParseUint(r.UID[:16], 16, 64)
	_, err2 := strconv.ParseUint(r.UID[16:], 16, 64)
	return err == nil && err2 == nil
}
