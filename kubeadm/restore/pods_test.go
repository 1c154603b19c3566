package restore

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// Where kubelet and runtime are given, the kubelet rests while nothing may start, and the runtime ends what it has started.
func TestPodsAreEndedWithoutTheKubelet(t *testing.T) {
	runtime, c := newRuntime(t)
	kubelet := &unit{}
	root, node := newNode(t)
	var events []string
	host := Host{Root: root, Kubelet: kubelet, Containers: c, Limit: time.Minute, Changed: func(what string) {
		if what == "journal: etcd began" {
			write(t, filepath.Join(root, "etc/kubernetes/manifests/kube-apiserver.yaml"), "{}")
		}
		events = append(events, what)
	}}
	_, err := Run(t.Context(), host, New(node, noon, lone), newSource(t))
	says(t, err, "a manifest has come back")
	says(t, err, "everything is as it was before")
	for id, ended := range map[string]bool{"1": true, "2": true, "3": false} {
		if runtime.ended[id] != ended || runtime.stopped["pod of "+id] != ended {
			t.Errorf("container %s has ended: %t, its pod: %t, want %t", id, runtime.ended[id], runtime.stopped["pod of "+id], ended)
		}
	}
	if runtime.graces["1"] != 30 || runtime.graces["2"] != 0 {
		t.Errorf("they had %v s for that", runtime.graces)
	}
	if kubelet.stopped || kubelet.stops != 2 || kubelet.restarts != 1 {
		t.Errorf("the kubelet is %+v", kubelet)
	}
	var order []string // of what the kubelet would see
	for _, what := range events {
		if strings.HasSuffix(what, " kubelet") || strings.Contains(what, "/manifests/") {
			order = append(order, strings.Join(strings.Fields(what)[:2], " "))
		}
	}
	want := []string{
		"stop kubelet", "move away", "move away", // fence
		"move away", "stop kubelet", "move back", "move back", "restart kubelet", // back
	}
	if !slices.Equal(order, want) {
		t.Errorf("in turn it did %q, want %q", order, want)
	}
}

// A kubelet that was stopped has to start again, or nothing is as it was before.
func TestKubeletDoesNotStartAgain(t *testing.T) {
	_, c := newRuntime(t)
	kubelet := &unit{masked: errors.New("it is masked")}
	root, node := newNode(t)
	was := tree(t, root)
	host := Host{Root: root, Kubelet: kubelet, Containers: c, Limit: time.Minute}
	_, err := Run(t.Context(), host, New(node, noon, lone), newSource(t)) // nor for etcd
	says(t, err, "rolling back failed, too: undo fence: it is masked")
	kubelet.masked = nil
	_, err = Rollback(t.Context(), host, "/var/lib/etcd", RollbackOptions{})
	must(t, err)
	if kubelet.stopped {
		t.Error("the kubelet is stopped")
	}
	same(t, was, tree(t, root))
}

// Without a kubelet that can be stopped etcd's container is waited for, and so are pods.
func TestKubeletEndsPods(t *testing.T) {
	runtime, c := newRuntime(t)
	m := resting(t)
	m.host.Containers = c
	pods := m.plan.pods()
	for range 2 {
		says(t, m.stopped(t.Context(), pods[0]), "its container 1 runs")
	}
	says(t, m.stopped(t.Context(), pods[1]), "its container 2 ran")
	for range 2 {
		says(t, m.stopped(t.Context(), pods[1]), "its pod pod of 2 is there")
	}
	runtime.stopped["pod of 2"] = true
	must(t, m.stopped(t.Context(), pods[1]))
}
