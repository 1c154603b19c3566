package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/clustersnap/clustersnap/manifests"
)

// wanted is an object as a command line names it.
type wanted struct{ kind, name, namespace string }

// parseWanted reads KIND/NAME.
func parseWanted(text, namespace string) (wanted, error) {
	kind, name, ok := strings.Cut(text, "/")
	if !ok || kind == "" || name == "" {
		return wanted{}, usageError{fmt.Errorf("%q is no object: want KIND/NAME, as in deployment/web", text)}
	}
	return wanted{kind, name, namespace}, nil
}

// none says of a source without objects what that may come from.
func (s *source) none() error {
	if s.snapshot == nil {
		return errors.New("there are no objects in it")
	}
	return fmt.Errorf("there are no objects below %s: if kube-apiserver runs with another --etcd-prefix, give that", s.prefix)
}

// namespacesThere refuses a namespace that a source does not have: a list of nothing would look like an empty one.
func (s *source) namespacesThere(all []manifests.Entry, namespaces []string) error {
	there := map[string]bool{}
	for _, o := range s.Seen().Outcomes {
		if o.Resource.Resource != "*" {
			there[o.Namespace] = true
		}
	}
	for _, o := range s.Seen().Outcomes {
		if o.Resource.Resource == "*" && o.Namespace != "" { // a snapshot says so of what it was limited to
			there[o.Namespace] = false
		}
	}
	for _, e := range all {
		there[e.Namespace] = true
		if e.Group == "" && e.Resource == "namespaces" {
			there[e.Name] = true
		}
	}
	for _, name := range namespaces {
		if !there[name] {
			return fmt.Errorf("there is no namespace %q in it: look at how it is written", name)
		}
	}
	return nil
}

// among gives the objects of that kind and name: one, or one in each of several namespaces.
func (w wanted) among(entries []manifests.Entry, all kinds) (n named, found []manifests.Entry, err error) {
	if n, err = all.find(w.kind); err != nil {
		return n, nil, err
	}
	for _, e := range entries {
		same := e.Group == n.group && e.Resource == n.resource && e.Name == w.name
		if same && (w.namespace == "" || e.Namespace == w.namespace || e.Namespace == "") { // as kubectl: a node is in none
			found = append(found, e)
		}
	}
	return n, found, nil
}

// one finds an object that a source has.
func (s *source) one(ctx context.Context, w wanted) (manifests.Entry, error) {
	n, found, err := s.all(ctx, w)
	switch {
	case err != nil:
		return manifests.Entry{}, err
	case len(found) == 0:
		return manifests.Entry{}, fmt.Errorf("there is no %s: clustersnap ls SOURCE %s shows those that there are", w.as(n), n)
	case len(found) > 1:
		return manifests.Entry{}, fmt.Errorf("there is a %s/%s in %s: give one of them with -n", n, w.name, namespaces(found))
	}
	return found[0], nil
}

// all finds the objects of a source that are of the kind and name, and the resource that they are of.
func (s *source) all(ctx context.Context, w wanted) (named, []manifests.Entry, error) {
	entries, err := s.entries(ctx)
	if err == nil && len(entries) == 0 {
		err = s.none()
	}
	if err != nil {
		return named{}, nil, err
	}
	return w.among(entries, s.kinds())
}

// as writes what is wanted with the resource that it turned out to be of.
func (w wanted) as(n named) manifests.Key {
	return manifests.Key{Group: n.group, Resource: n.resource, Namespace: w.namespace, Name: w.name}
}

// namespaces lists those of entries, a few of them if there are many.
func namespaces(entries []manifests.Entry) string {
	var names []string
	for _, e := range entries {
		names = append(names, e.Namespace)
	}
	slices.Sort(names)
	const shown = 8
	if len(names) > shown {
		return fmt.Sprintf("%s and %d more namespaces", strings.Join(names[:shown], ", "), len(names)-shown)
	}
	return strings.Join(names, ", ")
}
