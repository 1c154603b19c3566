package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/clustersnap/clustersnap/volsnap"
	"github.com/clustersnap/clustersnap/volsnap/quiesce"
)

// checkFreeze refuses a --fsfreeze by which nothing would be frozen, though pods run: a slip in the container's name.
func (t *taking) checkFreeze(ctx context.Context, c *volsnap.Cluster, plan *volsnap.Plan) error {
	if t.freeze == "" {
		return nil
	}
	containers, looked, taken := map[string]bool{}, map[string]bool{}, takenIn(plan)
	for _, v := range plan.Volumes {
		for _, name := range v.Pods {
			if v.Reason != "" || looked[v.Namespace+"/"+name] {
				continue
			}
			looked[v.Namespace+"/"+name] = true
			pod, err := quiesce.ReadPod(ctx, c, v.Namespace, name)
			if apierrors.IsNotFound(err) {
				continue // it has ended since
			}
			if err != nil {
				return err
			}
			if len(mountsIn(pod.Pod, t.freeze, taken)) > 0 {
				return nil
			}
			if pod.Pod.Status.Phase == corev1.PodRunning {
				for _, container := range pod.Pod.Spec.Containers {
					containers[container.Name] = true
				}
			}
		}
	}
	if len(containers) == 0 {
		return nil // nobody writes
	}
	return fmt.Errorf("--fsfreeze %s would freeze nothing: no pod of these volumes has a container of that name that mounts a "+
		"claim; their containers are %s", t.freeze, strings.Join(slices.Sorted(maps.Keys(containers)), ", "))
}

// unrested tells of each volume that was cut while no pod of it was at rest, and gives how many there are. It is an error if
// rest was asked for and none was: a slip in an annotation, say.
func (t *taking) unrested(out io.Writer, account *volsnap.Account) (int, error) {
	if t.freeze == "" && t.hooks == "none" {
		return 0, nil
	}
	awake, rested := 0, 0
	for _, r := range account.Volumes {
		switch {
		case len(r.Frozen) > 0:
			rested++
		case r.Outcome == volsnap.Snapshotted && len(r.Pods) > 0 && len(r.Lacking) == 0:
			awake++
			steps{out}.line("awake", fmt.Sprintf("%s/%s: no pod of it was at rest while it was cut: %s",
				r.Namespace, cmp.Or(r.Claim, r.PodVolume), strings.Join(r.Pods, ", ")))
		}
	}
	if awake > 0 && rested == 0 {
		return awake, fmt.Errorf("no pod was at rest, though --hooks or --fsfreeze asked for it: "+
			"look at the annotations and containers of the pods; run %s has snapshots of pods that may have been writing", account.Run)
	}
	return awake, nil
}
