package storage

import (
	"errors"
	"slices"

	"github.com/clustersnap/clustersnap/manifests"
)

// classify gives the class of an entry, whose own is maybe what metadata tells. Only where a selection depends on the rest of
// the object is that decoded. What can't be has the class that metadata tells.
func (c *census) classify(w *worker, v value, e manifests.Entry) manifests.Class {
	e.Key = v.place.Key
	other := e.OtherClass()
	classes := c.chosen.Classes
	if other == "" || slices.Contains(classes, e.Class) == slices.Contains(classes, other) {
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
