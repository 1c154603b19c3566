package main

import (
	"fmt"
	"os"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/clustersnap/clustersnap/volsnap"
	"github.com/clustersnap/clustersnap/volsnap/quiesce"
)

// quiesce makes one hook of those that were asked for, nil if none was. Databases come to rest before their file systems.
func (t *taking) quiesce(c *volsnap.Cluster, plan *volsnap.Plan) quiesce.Hook {
	var hooks []quiesce.Hook
	if t.hooks == "velero" {
		hooks = append(hooks, quiesce.Velero(c, func(namespace, pod string, err error) {
			fmt.Fprintf(os.Stderr, "clustersnap: %s\n", oneLine(fmt.Sprintf("pod %s/%s lets pass: %v", namespace, pod, err)))
		}))
	}
	if t.freeze != "" {
		taken := takenIn(plan)
		mounts := func(pod *quiesce.Pod) ([]quiesce.Mount, error) { return mountsIn(pod.Pod, t.freeze, taken), nil }
		hooks = append(hooks, quiesce.FSFreeze(c, mounts, quiesce.FreezeOptions{}))
	}
	if len(hooks) == 0 {
		return nil
	}
	return quiesce.All(hooks...)
}

// takenIn are the claims, by namespace and name, that snapshots of a plan are taken of.
func takenIn(plan *volsnap.Plan) map[string]bool {
	taken := map[string]bool{}
	for _, v := range plan.Volumes {
		taken[v.Namespace+"/"+v.Claim] = v.Reason == ""
	}
	return taken
}

// mountsIn gives what a container has mounted of claims that are taken, as file systems. Others are not frozen: they may be
// folders of the node's own file system.
func mountsIn(pod *corev1.Pod, container string, taken map[string]bool) []quiesce.Mount {
	frozen := map[string]bool{}
	for _, v := range pod.Spec.Volumes {
		switch {
		case v.PersistentVolumeClaim != nil:
			frozen[v.Name] = taken[pod.Namespace+"/"+v.PersistentVolumeClaim.ClaimName]
		case v.Ephemeral != nil: // its claim has this name, see generic ephemeral volumes
			frozen[v.Name] = taken[pod.Namespace+"/"+pod.Name+"-"+v.Name]
		}
	}
	var all []quiesce.Mount
	for _, c := range slices.Concat(pod.Spec.Containers, pod.Spec.InitContainers) {
		if c.Name != container {
			continue
		}
		for _, m := range c.VolumeMounts {
			if frozen[m.Name] {
				all = append(all, quiesce.Mount{Container: container, Path: m.MountPath})
			}
		}
	}
	return all
}
