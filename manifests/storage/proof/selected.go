package proof

import (
	"context"
	"errors"
	"slices"

	"go.etcd.io/etcd/api/v3/mvccpb"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/storage"
)

// selected reports whether the selection of the dump takes an object. An error says that this can't be told.
func (j *judge) selected(_ context.Context, s stored) (bool, error) {
	if !j.labels.Empty() {
		has, err := j.decoder.Labels(s.kv)
		if err != nil || !j.labels.Matches(labels.Set(has)) {
			return false, err
		}
	}
	classes := j.report.Selection.Classes
	if len(classes) == 0 {
		return true, nil
	}
	class, err := j.classOf(s.kv)
	return slices.Contains(classes, class), err
}

// classOf gives the class of an object. It may depend on the status, but not of a type that is not known: those are other
// kinds than the ones that complete.
func (j *judge) classOf(kv *mvccpb.KeyValue) (manifests.Class, error) {
	object, err := j.decoder.Object(kv)
	lossy := (*storage.LossyError)(nil)
	switch {
	case err == nil:
		return object.Class, nil
	case errors.As(err, &lossy):
		return lossy.Object.Class, nil
	case errors.Is(err, storage.ErrUnknownType):
		entry, err := j.decoder.Entry(kv)
		return entry.Class, err
	}
	return "", err
}
