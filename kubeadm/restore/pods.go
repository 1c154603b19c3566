package restore

import (
	"context"
	"fmt"
	"time"
)

// etcdGrace is what a kubelet gives etcd's static pod to end.
const etcdGrace = 30 * time.Second

// endsPods reports whether static pods are ended by the runtime, and not by the kubelet. A kubelet that has not reached
// kube-apiserver since it started ends none whose manifest has left, since it does not know whether the pod is one of the API's
// (deletePod in pkg/kubelet/kubelet.go of kubernetes/kubernetes: "sources aren't ready yet"). After a disaster that is any
// kubelet that was restarted, and so is the one that has started a restored etcd.
func (m *machine) endsPods() bool { return m.host.Kubelet != nil && m.host.Containers != nil }

// stopKubelet keeps the kubelet from starting again what is ended here, until it is restarted.
func (m *machine) stopKubelet(ctx context.Context) error {
	if !m.endsPods() {
		return nil
	}
	m.host.Changed("stop kubelet")
	ctx, cancel := context.WithTimeout(ctx, m.host.Limit)
	defer cancel()
	return m.host.Kubelet.Stop(ctx)
}

// uncontained is an error while the runtime has a pod of the program, whose container a kubelet may start again. Containers are
// ended: kube-apiserver, which keeps nothing, would take 30 s. That of etcd ends soon by itself, if the kubelet is to end it.
func (m *machine) uncontained(ctx context.Context, one pod) error {
	ids, err := m.host.Containers.Running(ctx, one.container)
	if err != nil {
		return err
	}
	grace := time.Duration(0)
	if one.program == etcd {
		grace = etcdGrace
	}
	for _, id := range ids {
		if one.program == etcd && !m.endsPods() {
			return &runningError{fmt.Sprintf("its container %s runs", id)}
		}
		if err := m.host.Containers.Stop(ctx, id, grace); err != nil {
			return err
		}
	}
	if len(ids) > 0 {
		return &runningError{fmt.Sprintf("its container %s ran", ids[0])}
	}
	return m.unpodded(ctx, one)
}

// unpodded is an error while the runtime has a sandbox of the program.
func (m *machine) unpodded(ctx context.Context, one pod) error {
	ids, err := m.host.Containers.Pods(ctx, one.container)
	if err != nil || len(ids) == 0 {
		return err
	}
	if !m.endsPods() {
		return fmt.Errorf("its pod %s is there, in which the kubelet may start it: does the kubelet run, and has it reached "+
			"kube-apiserver since it started?", ids[0])
	}
	for _, id := range ids {
		if err := m.host.Containers.StopPod(ctx, id); err != nil {
			return err
		}
	}
	return &runningError{fmt.Sprintf("its pod %s was there", ids[0])}
}
