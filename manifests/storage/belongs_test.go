package storage

import (
	"errors"
	"fmt"
	"testing"
)

// A value below another object's key is no object of that key, whatever its name is.
func TestValueOfAnotherKind(t *testing.T) {
	d := newDecoder(t, Options{})
	crd := keyed(DefinitionPrefix("")+"gears.example.com", `{"apiVersion":"apiextensions.k8s.io/v1",
		"kind":"CustomResourceDefinition","metadata":{"name":"gears.example.com"},
		"spec":{"group":"example.com","names":{"plural":"gears","kind":"Gear"}}}`)
	if err := d.Learn(crd); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		path, apiVersion, kind string
		own                    bool
	}{
		{"configmaps", "v1", "ConfigMap", true},
		{"configmaps", "v1", "Secret", false},
		{"configmaps", "v2", "Novelty", true}, // nobody knows
		{"configmaps", "example.com/v1", "ConfigMap", false},
		{"services/endpoints", "v1", "Endpoints", true},
		{"events", "v1", "Event", true},
		{"events", "events.k8s.io/v1", "Event", true},
		{"events", "v1", "Pod", false},
		{"deployments", "extensions/v1beta1", "Deployment", true},
		{"ingress", "extensions/v1beta1", "Ingress", true},
		{"deployments", "apps/v1", "StatefulSet", false},
		{"secrets", "extensions/v1beta1", "Ingress", false},
		{"podsecuritypolicy", "policy/v1beta1", "PodSecurityPolicy", true},
		{"example.com/widgets", "rbac.authorization.k8s.io/v1", "RoleBinding", false},
		{"example.com/widgets", "example.com/v1", "Widget", true},
		{"example.com/gears", "example.com/v1", "Gear", true},
		{"example.com/gears", "example.com/v1", "Widget", false},
		{"novelties", "rbac.authorization.k8s.io/v1", "RoleBinding", false},
		{"apiregistration.k8s.io/apiservices", "apiregistration.k8s.io/v1", "Service", false},
	} {
		kv := keyed("/registry/"+c.path+"/shop/x", fmt.Sprintf(
			`{"apiVersion":%q,"kind":%q,"metadata":{"name":"x","namespace":"shop"}}`, c.apiVersion, c.kind))
		if _, err := d.Entry(kv); (err == nil) != c.own || err != nil && !errors.Is(err, ErrDamaged) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
