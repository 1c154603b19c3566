package storage

import (
	"testing"

	"github.com/clustersnap/clustersnap/manifests"
)

// Definitions are found however the prefix is written.
func TestDefinitionPrefix(t *testing.T) {
	for prefix, want := range map[string]string{
		"": "/registry", "/registry": "/registry", "kubernetes.io": "/kubernetes.io", "/a/b/": "/a/b",
	} {
		want += "/apiextensions.k8s.io/customresourcedefinitions/"
		if got := DefinitionPrefix(prefix); got != want {
			t.Errorf("below %q definitions are at %s, want %s", prefix, got, want)
		}
	}
}

// The key of an object is located as that object.
func TestEtcdKeyIsWhatLocateReads(t *testing.T) {
	for _, prefix := range []string{"", "/registry", "kubernetes.io", "/a/b/"} {
		for _, key := range []manifests.Key{
			{Resource: "pods", Namespace: "shop", Name: "web-1"},
			{Resource: "nodes", Name: "n1"},
			{Resource: "services", Namespace: "shop", Name: "web"},
			{Resource: "endpoints", Namespace: "shop", Name: "web"},
			{Group: "events.k8s.io", Resource: "events", Namespace: "shop", Name: "web.1"},
			{Group: "apps", Resource: "deployments", Namespace: "shop", Name: "web"},
			{Group: "rbac.authorization.k8s.io", Resource: "clusterroles", Name: "system:node"},
			{Group: "networking.k8s.io", Resource: "ingresses", Namespace: "shop", Name: "web"},
			{Group: "apiextensions.k8s.io", Resource: "customresourcedefinitions", Name: "widgets.example.com"},
			{Group: "example.com", Resource: "widgets", Namespace: "shop", Name: "w"},
			{Group: "example.com", Resource: "clusterwidgets", Name: "w"},
			{Group: "rbac.authorization.k8s.io", Resource: "clusterroles", Name: "..a b"},
		} {
			at := EtcdKey(key, prefix)
			if p := Locate([]byte(at), prefix); p.Use != Object || p.Key != key {
				t.Errorf("below %q, %s is %+v, want %v", prefix, at, p, key)
			}
		}
	}
}
