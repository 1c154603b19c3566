package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
)

// groupVersions are those of group snapshots, the best one first. They came with external-snapshotter 8.6, 8.4 and 8.2.
var groupVersions = []string{"v1", "v1beta2", "v1beta1"}

// ErrNotServed is volsnap's.
var ErrNotServed = errors.New("the cluster has no VolumeSnapshots: install the CRDs of external-snapshotter")

// notServed tells a resource that is not there from an object that is not there: both are NotFound, and stay it.
func notServed(at schema.GroupVersionResource, err error) error {
	if at.Group == SnapshotGroup && apierrors.IsNotFound(err) &&
		apierrors.HasStatusCause(err, metav1.CauseTypeUnexpectedServerResponse) {
		return fmt.Errorf("%w: %w", err, ErrNotServed)
	}
	return err
}

// ServesSnapshots reports whether the cluster has the API of VolumeSnapshots at the version that this package is made for.
func ServesSnapshots(ctx context.Context, plain rest.Interface) (bool, error) {
	return serves(ctx, plain, SnapshotGroup, "v1", Snapshots.Resource)
}

// GroupVersion is the best version of group snapshots that the cluster serves, "" if none.
func GroupVersion(ctx context.Context, plain rest.Interface) (string, error) {
	for _, version := range groupVersions {
		if ok, err := serves(ctx, plain, GroupSnapshotGroup, version, GroupSnapshots); ok || err != nil {
			return version, err
		}
	}
	return "", nil
}

// serves asks for what the server has of one version of a group: a definition of the group may be missing beside others.
func serves(ctx context.Context, plain rest.Interface, group, version, resource string) (bool, error) {
	body, err := plain.Get().AbsPath("/apis", group, version).Do(ctx).Raw()
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("ask for %s/%s: %w", group, version, err)
	}
	var list metav1.APIResourceList
	if err := json.Unmarshal(body, &list); err != nil {
		return false, fmt.Errorf("read what is served of %s/%s: %w", group, version, err)
	}
	for _, r := range list.APIResources {
		if r.Name == resource {
			return true, nil
		}
	}
	return false, nil
}
