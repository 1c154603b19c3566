package quiesce_test

import (
	"context"
	"fmt"
	"time"

	"github.com/clustersnap/clustersnap/volsnap"
	"github.com/clustersnap/clustersnap/volsnap/quiesce"
)

func ExampleAnnotations() {
	pre, post, err := quiesce.Annotations(map[string]string{
		"pre.hook.backup.velero.io/command":   `["pg-pause", "--wait"]`,
		"pre.hook.backup.velero.io/container": "postgres",
		"pre.hook.backup.velero.io/timeout":   "2m",
		"post.hook.backup.velero.io/command":  "pg-resume",
	})
	fmt.Println(pre.Container, pre.Args, pre.Timeout, pre.Continue)
	fmt.Println(post.Args, post.Timeout)
	fmt.Println(err)

	_, _, err = quiesce.Annotations(map[string]string{"pre.hook.backup.velero.io/command": "fsfreeze -f /data"})
	fmt.Println(err)
	// Output:
	// postgres [pg-pause --wait] 2m0s false
	// [pg-resume] 30s
	// <nil>
	// read annotation "pre.hook.backup.velero.io/command" of the pod: no shell splits the command: write a program and its arguments as an array, ["program", "argument"]
}

// ExampleFSFreeze freezes the data of the pods with a sidecar for that, and runs hooks of the others.
func ExampleFSFreeze() {
	take := func(ctx context.Context, cluster *volsnap.Cluster, plan *volsnap.Plan) (*volsnap.Account, error) {
		freeze := quiesce.FSFreeze(cluster, func(pod *quiesce.Pod) ([]quiesce.Mount, error) {
			for _, c := range pod.Spec.Containers {
				if c.Name == "fsfreeze" {
					return []quiesce.Mount{{Container: c.Name, Path: "/data"}}, nil
				}
			}
			return nil, nil
		}, quiesce.FreezeOptions{Longest: 2 * time.Minute})
		return cluster.Take(ctx, plan, volsnap.TakeOptions{
			Run:     "nightly-2026-08-01",
			Quiesce: quiesce.All(quiesce.Velero(cluster, nil), freeze),
		})
	}
	_ = take
}
