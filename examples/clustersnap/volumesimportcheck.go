package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/clustersnap/clustersnap/volsnap"
	"github.com/clustersnap/clustersnap/volsnap/handover"
)

// obstacles asks the cluster for what an import needs: names that can be, the namespaces, and the drivers. Each is told once.
func (i *importing) obstacles(ctx context.Context, c *volsnap.Cluster, records []handover.Record) error {
	var failed []error
	told := map[string]bool{}
	once := func(kind, name string, check func() error) {
		if told[kind+name] {
			return
		}
		told[kind+name] = true
		if err := check(); err != nil {
			failed = append(failed, err)
		}
	}
	drivers, err := driversOf(ctx, c)
	if err != nil {
		return err
	}
	for _, r := range records {
		name, namespace := i.prefix+r.Snapshot, cmp.Or(i.to, r.Namespace)
		once("name ", name, func() error {
			if wrong := validation.IsDNS1123Subdomain(name); len(wrong) > 0 {
				return fmt.Errorf("%.100q can't be the name of a snapshot: %s", name, wrong[0])
			}
			return nil
		})
		once("namespace ", namespace, func() error {
			if namespace == "" {
				return errors.New("a record does not say its namespace: say --to NAMESPACE")
			}
			return namespaceIsThere(ctx, c, namespace)
		})
		once("driver ", r.Driver, func() error {
			if drivers[r.Driver] {
				return nil
			}
			return driverIsThere(ctx, c, r.Driver)
		})
	}
	return errors.Join(failed...)
}

// driversOf gives those that have a VolumeSnapshotClass. handover.Import wants one, or a CSIDriver.
func driversOf(ctx context.Context, c *volsnap.Cluster) (map[string]bool, error) {
	drivers := map[string]bool{}
	classes := schema.GroupVersionResource{Group: "snapshot.storage.k8s.io", Version: "v1", Resource: "volumesnapshotclasses"}
	list, err := c.Dynamic().Resource(classes).List(ctx, metav1.ListOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return nil, volsnap.ErrNotServed
	case err != nil:
		return nil, fmt.Errorf("list volumesnapshotclasses: %w", err)
	}
	for _, class := range list.Items {
		if driver, ok := class.Object["driver"].(string); ok {
			drivers[driver] = true
		}
	}
	return drivers, nil
}

// driverIsThere looks for a driver without a class.
func driverIsThere(ctx context.Context, c *volsnap.Cluster, name string) error {
	all := schema.GroupVersionResource{Group: "storage.k8s.io", Version: "v1", Resource: "csidrivers"}
	_, err := c.Dynamic().Resource(all).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return fmt.Errorf("%w %s: install it first", handover.ErrUnknownDriver, name)
	}
	return err
}
