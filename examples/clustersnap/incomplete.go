package main

import (
	"errors"
	"fmt"
	"slices"

	"github.com/clustersnap/clustersnap/manifests"
)

// incomplete is an error for each kind that is asked about and that a source may have more of, once its entries are read.
func (s *source) incomplete(asked func(manifests.Outcome) bool) error {
	var lost []error
	for _, o := range s.Seen().Missing() {
		if asked(o) {
			lost = append(lost, fmt.Errorf("missing: %v", o))
		}
	}
	return errors.Join(lost...)
}

// may reports whether an outcome is of a kind, or of all those of its group, or of nobody knows what.
func (n named) may(o manifests.Outcome) bool {
	if o.Resource.Resource == "*" {
		return o.Group == "" || o.Group == n.group
	}
	return o.Group == n.group && o.Resource.Resource == n.resource
}

// within reports whether an outcome may be of what is in one of the namespaces, which are all if there are none.
func within(namespaces []string, o manifests.Outcome) bool {
	return len(namespaces) == 0 || o.Resource.Resource == "*" ||
		o.Namespaced && (o.Namespace == "" || slices.Contains(namespaces, o.Namespace))
}
