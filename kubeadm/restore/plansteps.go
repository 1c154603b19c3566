package restore

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// The names of the steps, in their order. A node without a kube-apiserver has no more than the first five and the last.
const (
	stepStage       = "stage"
	stepFence       = "fence"
	stepSwap        = "swap"
	stepEtcd        = "etcd"
	stepAPI         = "api"
	stepControllers = "controllers"
	stepKubelet     = "kubelet"
)

// steps says what each step of [forward] does.
func (p *Plan) steps() []PlannedStep {
	e, dir := &p.Node.Etcd, p.Node.Etcd.DataDir.Value
	hold := "/" + p.hold()
	list := []PlannedStep{
		{
			Name:  "preflight",
			Needs: p.needs(),
			Does:  []string{"look whether the old etcd and kube-apiserver answer"},
			Undo:  "nothing is changed",
		},
		{
			Name:  stepStage,
			Needs: []string{"kube-system of the snapshot is that of the running cluster, if that answers"},
			Does: []string{
				fmt.Sprintf("make the new data in %s while the old cluster runs", path.Join(dir, p.own(), "new")),
				"write the files that differ beside those of the node",
			},
			Undo: "remove what was written",
		},
		{
			Name: stepFence,
			Does: []string{
				"stop the kubelet, if its unit and the runtime's socket are given",
				fmt.Sprintf("move the manifests of %s to %s", strings.Join(p.stopOrder(), ", "), hold),
				"end their pods, if the kubelet was stopped",
				"wait until they do not run: ports closed, no container if the runtime's socket is given, and the lock of etcd's " +
					"database is free",
			},
			Undo: "move the manifests back, and start the kubelet if it was stopped",
		},
		{
			Name:  stepSwap,
			Needs: []string{"no manifest has come back"},
			Does: []string{
				fmt.Sprintf("rename %s to %s, and the new member into its place",
					path.Join(dir, "member"), path.Join(dir, p.own(), "old", "member")),
				"put the files that differ into their places, all but manifests; the old ones stay beside them",
			},
			Undo: "rename all of it back",
		},
		{
			Name: stepEtcd,
			Does: []string{
				"start etcd alone, and restart the kubelet, where it is given",
				fmt.Sprintf("wait until %s answers with the cluster, the revision and the number of keys that were restored",
					e.Endpoints[0].Value),
				fmt.Sprintf("see that it has one member, at %s", peerURLs(e)),
				"put other manifests into their places that differ",
			},
			Undo: "stop etcd, and take back the steps before",
		},
	}
	return append(list, p.lateSteps()...)
}

// needs are what preflight looks at.
func (p *Plan) needs() []string {
	list := []string{
		"no other restore is under way on this node",
		"one manifest for each static pod",
		"the kubelet's unit and the runtime's socket are there, where they are given",
	}
	if p.Room > 0 {
		list = append(list, fmt.Sprintf("%d MiB are free for %s", p.Room>>20, p.Node.Etcd.DataDir.Value))
	}
	if p.Alone {
		return append(list, "no other member of the old cluster serves any more: that is taken on trust")
	}
	text := "no other member of the old cluster answers"
	if others := p.others(nil); len(others) > 0 {
		text += " at " + strings.Join(slices.Sorted(maps.Keys(others)), ", ")
	}
	return append(list, text+", nor at what the running etcd names")
}

// lateSteps are those from kube-apiserver on.
func (p *Plan) lateSteps() []PlannedStep {
	const loses = "only on demand: what was written since is lost"
	var list []PlannedStep
	if p.has(apiServer) {
		list = append(list, PlannedStep{
			Name: stepAPI,
			Does: []string{
				"start kube-apiserver: from here on there can be new writes", "wait until it is ready",
				"read a Secret; see that kube-system has the snapshot's uid; have a new token of a service account reviewed",
			},
			Undo: loses,
		}, PlannedStep{
			Name: stepControllers,
			Does: []string{
				"delete the leases of the lost leaders", "start the controllers and the scheduler that the node has",
				"wait until they lead",
			},
			Undo: loses,
		})
	}
	return append(list, PlannedStep{
		Name: stepKubelet,
		Does: []string{"restart the node's kubelet, where it is given"},
		Undo: loses,
	}, PlannedStep{
		Name: "commit",
		Does: []string{"note that all is done; what is aside stays until it is pruned"},
		Undo: "there is no way back",
	})
}

// stopOrder is that in which programs stop: who writes to etcd first.
func (p *Plan) stopOrder() []string {
	var names []string
	for _, one := range p.stopping() {
		names = append(names, one.program)
	}
	return names
}

// String is the plan for people, one line for each thing that is needed or done.
func (p *Plan) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "restore %s of the control plane with etcd member %s\n", p.ID, p.Node.Etcd.Name.Value)
	for i, s := range p.Steps {
		fmt.Fprintf(&b, "%d. %s\n", i+1, s.Name)
		for _, text := range s.Needs {
			fmt.Fprintf(&b, "   needs: %s\n", text)
		}
		for _, text := range s.Does {
			fmt.Fprintf(&b, "   %s\n", text)
		}
		fmt.Fprintf(&b, "   undo: %s\n", s.Undo)
	}
	for _, text := range p.Refused {
		fmt.Fprintf(&b, "refused: %s\n", text)
	}
	return b.String()
}
