package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/yaml"

	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/apply"
)

// named finds the objects that are named. They come back whatever their class is.
func (r *recovery) named(
	ctx context.Context, from *source, names []string,
) (list []manifests.Entry, classes []manifests.Class, err error) {
	for _, text := range names {
		w, err := parseWanted(text, append(r.of.namespaces, "")[0])
		if err != nil {
			return nil, nil, err
		}
		e, err := from.one(ctx, w)
		if err != nil {
			return nil, nil, err
		}
		list = append(list, e)
		classes = append(classes, e.Class)
		if _, class, err := from.classified(ctx, e); err == nil { // what can't be read is told of by read
			classes = append(classes, class)
		}
	}
	return list, classes, nil
}

// chosen finds the objects that the flags select, labels apart if they are of a tree: with a namespace, that too. What the
// source lacks of them is in lost.
func (r *recovery) chosen(ctx context.Context, from *source) (list []manifests.Entry, lost, err error) {
	if list, err = from.entries(ctx); err != nil {
		return nil, nil, err
	}
	if err := from.namespacesThere(list, r.of.namespaces); err != nil {
		return nil, nil, err
	}
	lost = from.incomplete(func(o manifests.Outcome) bool {
		return within(r.of.namespaces, o) || o.Group == "" && o.Resource.Resource == "namespaces"
	})
	in := func(name string) bool { return len(r.of.namespaces) == 0 || slices.Contains(r.of.namespaces, name) }
	return slices.DeleteFunc(list, func(e manifests.Entry) bool {
		return !in(e.Namespace) && !(e.Group == "" && e.Resource == "namespaces" && in(e.Name))
	}), lost, nil
}

// read reads those of the classes that are wanted. What can't be read is in the error, and the others are read.
func (r *recovery) read(
	ctx context.Context, from *source, list []manifests.Entry, classes []manifests.Class,
) ([]apply.Object, error) {
	selector, err := labels.Parse(r.of.selector)
	if err != nil {
		return nil, usageError{fmt.Errorf("read label selector: %w", err)}
	}
	var objects []apply.Object
	var unread []error
	for _, e := range list {
		if !slices.Contains(classes, e.Class) && !unsure(e) {
			continue
		}
		text, class, err := from.classified(ctx, e)
		if err == nil && !slices.Contains(classes, class) && unsure(e) {
			continue
		}
		var own labels.Set
		if err == nil && !selector.Empty() {
			own, err = labelsOf(text)
		}
		if err != nil {
			unread = append(unread, fmt.Errorf("%v is not brought back: %w", e.Key, err))
		} else if selector.Matches(own) {
			objects = append(objects, apply.Object{Body: text, Class: class})
		}
	}
	return objects, errors.Join(unread...)
}

// unsure reports whether the class of an entry may be another than the object's, in either way: what people have added to
// the account of a namespace does not stand in its metadata.
func unsure(e manifests.Entry) bool {
	return e.Group == "" && e.Resource == "serviceaccounts" && e.Name == "default"
}

// classified gives an object with its class, which of a snapshot the object itself says.
func (s *source) classified(ctx context.Context, e manifests.Entry) ([]byte, manifests.Class, error) {
	type classifier interface {
		Classified(context.Context, manifests.Entry) ([]byte, manifests.Class, error)
	}
	if c, ok := s.Observed.(classifier); ok {
		return c.Classified(ctx, e)
	}
	text, err := s.Object(ctx, e)
	return text, e.Class, err
}

// labelsOf reads those of an object in canonical form.
func labelsOf(text []byte) (labels.Set, error) {
	var o struct{ Metadata struct{ Labels labels.Set } }
	if err := yaml.Unmarshal(text, &o); err != nil {
		return nil, fmt.Errorf("read its labels: %w", err)
	}
	return o.Metadata.Labels, nil
}
