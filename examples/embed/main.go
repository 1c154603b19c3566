// Command embed is an operator that has clustersnap in it: for each ClusterBackup it writes all objects of the cluster, as
// they were at one instant, into a directory of its own below --dir, and says in the status what it could not see.
//
//	kubectl apply -f crd.yaml -f rbac.yaml
//	mkdir ~/backups && go run . --dir ~/backups --kubeconfig ~/.kube/config
//
// and in another shell:
//
//	kubectl apply -f clusterbackup.yaml
//	kubectl wait clusterbackup/objects --for=jsonpath='{.status.verdict}'=complete
//
// A new spec makes a new backup, and so does a new value of an annotation:
//
//	kubectl annotate clusterbackup/objects clustersnap.example.com/again="$(date)" --overwrite
//
// Copy this directory and drop the replace line of its go.mod: it imports public packages only. What is clustersnap's is in
// backup.go. In a pod it needs the service account of rbac.yaml, a volume at --dir, and one replica with the strategy
// Recreate, since one process writes a tree at a time.
//
// The content of Secrets is left out: tree.Options say how to encrypt it. A trigger is all that it has: schedules and
// retention are yours. The tree of a ClusterBackup that is deleted stays.
package main

import (
	"context"
	"flag"
	"os"
	"time"

	"k8s.io/client-go/util/workqueue"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/clustersnap/clustersnap/manifests"
)

func main() {
	dir := flag.String("dir", "backups", "an existing `DIR`, below which each ClusterBackup has its tree")
	flag.Parse() // --kubeconfig is controller-runtime's own
	ctrl.SetLogger(klog.Background())
	if err := run(ctrl.SetupSignalHandler(), *dir); err != nil {
		klog.Exit(err)
	}
}

func run(ctx context.Context, dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	manager, err := ctrl.NewManager(ctrl.GetConfigOrDie(), ctrl.Options{})
	if err != nil {
		return err
	}
	cluster, err := manifests.NewCluster(manager.GetConfig())
	if err != nil {
		return err
	}
	// Its own writes to the status are no reason to look again.
	asked := predicate.Or(predicate.GenerationChangedPredicate{}, predicate.AnnotationChangedPredicate{})
	patience := workqueue.NewTypedItemExponentialFailureRateLimiter[ctrl.Request](time.Second, time.Hour) // after one that failed
	err = ctrl.NewControllerManagedBy(manager).For(newObject(), builder.WithPredicates(asked)).
		WithOptions(controller.Options{RateLimiter: patience}).Complete(&operator{manager.GetClient(), cluster, root})
	if err != nil {
		return err
	}
	return manager.Start(ctx)
}
