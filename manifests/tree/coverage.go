package tree

import (
	"strings"

	"github.com/clustersnap/clustersnap/manifests"
)

// kind is a resource whatever its version.
type kind struct{ group, resource string }

// seen is what a dump can say about objects that did not come.
type seen struct {
	tried  map[kind]bool
	listed map[kind]map[string]bool // the namespaces that were listed; "" for all
	lost   map[string]bool          // groups of which not even the resources are known
	fresh  map[manifests.Key]*record
}

func coverage(report *manifests.Report, fresh map[manifests.Key]*record) *seen {
	s := &seen{tried: map[kind]bool{}, listed: map[kind]map[string]bool{}, lost: map[string]bool{}, fresh: fresh}
	for _, o := range report.Outcomes {
		k := kind{o.Group, o.Resource.Resource}
		s.tried[k] = true
		if o.Resource.Resource == "" {
			s.lost[o.Group] = true
		}
		if o.State == manifests.Listed {
			if s.listed[k] == nil {
				s.listed[k] = map[string]bool{}
			}
			s.listed[k][o.Namespace] = true
		}
	}
	return s
}

var definitions = kind{"apiextensions.k8s.io", "customresourcedefinitions"}

// gone reports whether an object that did not come is known to be no more.
func (s *seen) gone(k manifests.Key) bool {
	of := kind{k.Group, k.Resource}
	if in := s.listed[of]; in[""] || k.Namespace != "" && in[k.Namespace] {
		return true
	}
	if s.tried[of] || s.lost[k.Group] {
		return false
	}
	// Nobody knows the kind. The API server's own do not go so, and those of CustomResourceDefinitions, whose groups
	// have a dot, go with their definition.
	definition := manifests.Key{Group: definitions.group, Resource: definitions.resource, Name: k.Resource + "." + k.Group}
	return strings.Contains(k.Group, ".") && s.listed[definitions][""] && s.fresh[definition] == nil
}
