package storage

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
)

// belongs holds that a value is of the group and the kind that its key is for. The kinds of a newer Kubernetes are not known,
// and can be any.
func (d *Decoder) belongs(v *value) error {
	kind := schema.FromAPIVersionAndKind(v.meta.APIVersion, v.meta.Kind)
	key := schema.GroupResource{Group: v.place.Key.Group, Resource: v.place.Key.Resource}
	same := kind.Group == key.Group || slices.Contains(oldGroups[key.Group], kind.Group)
	if learned := d.definitions[key].kind; learned != "" {
		same = same && kind.Kind == learned
	}
	if scheme.Scheme.Recognizes(kind) {
		plural, _ := meta.UnsafeGuessKindToResource(kind)
		same = same && plural.Resource == key.Resource
	}
	switch key {
	case definitions:
		same = same && kind.Kind == "CustomResourceDefinition"
	case services:
		same = same && kind.Kind == "APIService"
	}
	if !same {
		return damaged(fmt.Errorf("it is another object's than its key's: %.253q, %.253q", v.meta.APIVersion, v.meta.Kind))
	}
	return nil
}

// oldGroups are those that objects of a group are stored in, too: events always, and others since before 1.16 took away
// extensions/v1beta1.
var oldGroups = map[string][]string{
	"events.k8s.io":     {""},
	"apps":              {"extensions"},
	"autoscaling":       {"extensions"},
	"batch":             {"extensions"},
	"networking.k8s.io": {"extensions"},
	"policy":            {"extensions"},
}
