package tree

import "github.com/clustersnap/clustersnap/manifests"

// kind is a resource whatever its version.
type kind struct{ group, resource string }

// seen is what a dump can say about objects that did not come.
type seen struct {
	tried  map[kind]map[string]bool   // the namespaces that have an outcome; "" for all at once
	listed map[kind]map[string]bool   // the namespaces that were listed; "" for all
	same   map[kind]bool              // whose objects were listed under another group
	lost   map[string]bool            // groups of which not even all resources are known
	held   func(k manifests.Key) bool // whether the tree had it before
	fresh  func(k manifests.Key) bool // whether it has come
}

func coverage(report *manifests.Report, held, fresh func(k manifests.Key) bool) *seen {
	s := &seen{
		tried: map[kind]map[string]bool{}, listed: map[kind]map[string]bool{}, same: map[kind]bool{}, lost: map[string]bool{},
		held: held, fresh: fresh,
	}
	for _, o := range report.Outcomes {
		k := kind{o.Group, o.Resource.Resource}
		if s.tried[k] == nil {
			s.tried[k] = map[string]bool{}
		}
		s.tried[k][o.Namespace] = true
		if o.Resource.Resource == "*" {
			s.lost[o.Group] = true
		}
		switch o.State {
		case manifests.SameObjects:
			s.same[k] = true
		case manifests.Listed:
			if s.listed[k] == nil {
				s.listed[k] = map[string]bool{}
			}
			s.listed[k][o.Namespace] = true
		}
	}
	return s
}

// covers reports whether a kind was listed where an object would be.
func (s *seen) covers(of kind, namespace string) bool {
	in := s.listed[of]
	return in[""] || namespace != "" && in[namespace]
}

// covered reports whether a kind of that name was listed in another group.
func (s *seen) covered(k manifests.Key) bool {
	for of := range s.listed {
		if of.resource == k.Resource && of.group != k.Group && s.covers(of, k.Namespace) {
			return true
		}
	}
	return false
}

// gone reports whether an object that did not come is known to be no more.
func (s *seen) gone(k manifests.Key) bool {
	of := kind{k.Group, k.Resource}
	if s.covers(of, k.Namespace) || s.same[of] && s.covered(k) {
		return true
	}
	if tried := s.tried[of]; len(tried) > 0 {
		// A kind that is listed namespace by namespace is asked for in all that there are, selected or not. A namespace
		// goes last, when nothing is left in it.
		namespace := manifests.Key{Resource: "namespaces", Name: k.Namespace}
		return len(s.listed[of]) > 0 && !tried[""] && !tried[k.Namespace] && s.lacks(namespace)
	}
	if s.lost[k.Group] {
		return false
	}
	// Nobody knows the kind. It has gone if the tree has the CustomResourceDefinition that it was of, and that has gone.
	// Kinds of the API server and of aggregated APIs have none: they are missing while their server is.
	definition := manifests.Key{
		Group: "apiextensions.k8s.io", Resource: "customresourcedefinitions", Name: k.Resource + "." + k.Group,
	}
	return s.held(definition) && s.lacks(definition)
}

// lacks reports whether an object of no namespace was looked for, and did not come.
func (s *seen) lacks(k manifests.Key) bool {
	return !s.fresh(k) && s.covers(kind{k.Group, k.Resource}, "")
}
