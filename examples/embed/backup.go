package main

import (
	"context"
	"errors"
	"os"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/tree"
)

// operator makes a backup for each ClusterBackup that has none of its generation and annotation.
type operator struct {
	client.Client
	cluster *manifests.Cluster
	root    *os.Root
}

// Reconcile makes one backup if it is wanted. One that failed is tried again, less and less often.
func (o *operator) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	object := newObject()
	if err := o.Get(ctx, request.NamespacedName, object); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	var backup clusterBackup
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &backup); err != nil {
		return ctrl.Result{}, err
	}
	was, generation, asked := backup.Status, object.GetGeneration(), object.GetAnnotations()[again]
	if was.ObservedGeneration == generation && was.Again == asked && was.Verdict != "failed" {
		return ctrl.Result{}, nil
	}
	report, failed := o.dump(ctx, request.Name, manifests.Options{Classes: backup.Spec.Classes})
	now := statusOf(report, failed)
	now.ObservedGeneration, now.Again, now.Time = generation, asked, metav1.Now()
	body, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&now)
	if err != nil {
		return ctrl.Result{}, err
	}
	before := object.DeepCopy()
	object.Object["status"] = body
	return ctrl.Result{}, errors.Join(failed, o.Status().Patch(ctx, object, client.MergeFrom(before)))
}

// dump brings the tree of that name up to date. The API server takes no name that leads out of the directory, and neither
// does os.Root.
func (o *operator) dump(ctx context.Context, name string, opts manifests.Options) (*manifests.Report, error) {
	if err := o.root.MkdirAll(name, 0o700); err != nil {
		return nil, err
	}
	root, err := o.root.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	to, err := tree.Open(root, tree.Options{})
	if err != nil {
		return nil, err
	}
	defer to.Close() // drops what is not committed
	report, err := o.cluster.Dump(ctx, to, opts)
	if err == nil {
		_, err = to.Commit(report) // what could not be listed stays as the tree had it
	}
	return report, err
}

func statusOf(report *manifests.Report, failed error) status {
	if failed != nil {
		return status{Verdict: "failed", Error: failed.Error()}
	}
	s := status{Verdict: "complete", Revision: report.ResourceVersion, Objects: report.Objects, Outcomes: map[string]int{}}
	for _, outcome := range report.Outcomes {
		s.Outcomes[string(outcome.State)]++
	}
	for _, outcome := range report.Missing() {
		s.Verdict, s.Missing = "incomplete", append(s.Missing, outcome.String())
	}
	return s
}
