package bed

import (
	"context"
	"fmt"
)

// State gives the state of a pod, and whether there is one: while its manifest is there, and then until its process
// has ended.
func (r *Runner) State(pod string) (State, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if w := r.workers[pod]; w != nil && !w.ended() {
		return w.state, true
	}
	return State{}, false
}

// WaitRunning waits until the process of a pod runs, which does not say that it answers. A manifest that can't be run
// at all is an error at once.
func (r *Runner) WaitRunning(ctx context.Context, pod string) error {
	return r.Wait(ctx, pod, func(s State, _ bool) bool { return s.PID != 0 })
}

// WaitGone waits until a pod has no manifest and no process.
func (r *Runner) WaitGone(ctx context.Context, pod string) error {
	return r.Wait(ctx, pod, func(_ State, exists bool) bool { return !exists })
}

// Wait waits until what [Runner.State] gives for a pod is good. The error says how far it was when ctx ended. A change
// of the manifests is seen within 200 ms: until then State, and so each of the waits, knows the pods as they were.
func (r *Runner) Wait(ctx context.Context, pod string, good func(state State, exists bool) bool) error {
	for {
		r.mu.Lock()
		changed := r.changed
		r.mu.Unlock()
		state, exists := r.State(pod)
		if good(state, exists) {
			return nil
		}
		if err := r.refusal(pod); err != nil {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("wait for static pod %s of %s (exists %t, pid %d, started %d times, last error %v): %w",
				pod, r.node.Name, exists, state.PID, state.Starts, state.Err, context.Cause(ctx))
		}
	}
}

// WaitEtcd waits until etcd of the node answers a read that needs a quorum.
func (n *Node) WaitEtcd(ctx context.Context) error { return poll(ctx, n.etcdHealthy) }

// WaitAPI waits until kube-apiserver of the node is ready and gives the namespaces that it makes itself.
func (n *Node) WaitAPI(ctx context.Context) error { return poll(ctx, n.apiReady) }

// refusal says why a pod or a file of manifests can't be run.
func (r *Runner) refusal(name string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.refused[name]
}
