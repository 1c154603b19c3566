package storage

import (
	"errors"
	"slices"

	"github.com/clustersnap/clustersnap/manifests"
)

// classify gives the class of an entry, whose own is maybe what metadata tells. Only where a selection depends on the rest of
// the object is that decoded. What can't be has the class that metadata tells.
func (c *census) classify(w *worker, v value, e manifests.Entry) manifests.Class {
	other := otherClass(v.place.Key, e.Class)
	classes := c.chosen.Classes
	if e.Hash != "" || other == "" || slices.Contains(classes, e.Class) == slices.Contains(classes, other) {
		return e.Class
	}
	object, err := w.object(v, c.decoder.level)
	var lost *LossyError
	switch {
	case err == nil:
		return object.Class
	case errors.As(err, &lost):
		return lost.Object.Class
	}
	return e.Class
}

// otherClass is what an object can be of though its metadata tells of a class, or empty: that a pod or a job has ended is in
// its status, and what a default account may pull is in none of its metadata.
func otherClass(key manifests.Key, class manifests.Class) manifests.Class {
	ends := key.Group == "" && key.Resource == "pods" || key.Group == "batch" && key.Resource == "jobs"
	account := key.Group == "" && key.Resource == "serviceaccounts" && key.Name == "default"
	switch {
	case ends && (class == manifests.User || class == manifests.Bootstrap):
		return manifests.Completed
	case account && class == manifests.Bootstrap:
		return manifests.User
	}
	return ""
}
