package storage

import (
	"testing"

	"github.com/clustersnap/clustersnap/manifests"
)

func TestLocate(t *testing.T) {
	object := func(group, resource, namespace, name string) Place {
		return Place{Use: Object, Key: manifests.Key{Group: group, Resource: resource, Namespace: namespace, Name: name}}
	}
	unknown := func(group, resource, namespace, name string) Place {
		p := object(group, resource, namespace, name)
		p.Use = Unknown
		return p
	}
	for _, c := range []struct {
		key, prefix string
		want        Place
	}{
		{"/registry/pods/shop/web", "", object("", "pods", "shop", "web")},
		{"/registry/pods/shop/web", "/registry", object("", "pods", "shop", "web")},
		{"/registry/pods/shop/web", "registry/", object("", "pods", "shop", "web")},
		{"/other/one/pods/shop/web", "/other/one", object("", "pods", "shop", "web")},
		{"/registry/namespaces/shop", "", object("", "namespaces", "", "shop")},
		{"/registry/minions/cp1", "", object("", "nodes", "", "cp1")},
		{"/registry/controllers/shop/web", "", object("", "replicationcontrollers", "shop", "web")},
		{"/registry/services/specs/shop/web", "", object("", "services", "shop", "web")},
		{"/registry/services/endpoints/shop/web", "", object("", "endpoints", "shop", "web")},
		{"/registry/ingress/shop/web", "", object("networking.k8s.io", "ingresses", "shop", "web")},
		{"/registry/events/shop/web.17", "", object("events.k8s.io", "events", "shop", "web.17")},
		{"/registry/clusterroles/My Role:*?<x>", "", object("rbac.authorization.k8s.io", "clusterroles", "", "My Role:*?<x>")},
		{"/registry/podsecuritypolicy/strict", "", object("policy", "podsecuritypolicies", "", "strict")},
		{"/registry/example.com/widgets/shop/w", "", object("example.com", "widgets", "shop", "w")},
		{"/registry/example.com/widgets/w", "", object("example.com", "widgets", "", "w")},
		{
			"/registry/apiregistration.k8s.io/apiservices/v1.", "",
			object("apiregistration.k8s.io", "apiservices", "", "v1."),
		},
		// What the API server does not write, though it looks like an object.
		{"/registry/nodes/cp1", "", unknown("", "nodes", "", "cp1")},
		{"/registry/networking.k8s.io/ingresses/shop/web", "", unknown("networking.k8s.io", "ingresses", "shop", "web")},
		{"/registry/newthings/shop/one", "", unknown("", "newthings", "shop", "one")},
		// And what looks like none.
		{"/registry/pods/shop/web/more", "", Place{Use: Unknown}},
		{"/registry/pods/shop/", "", Place{Use: Unknown}},
		{"/registry/pods//web", "", Place{Use: Unknown}},
		{"/registry/pods/shop/..", "", Place{Use: Unknown}},
		{"/registry/pods/shop/.", "", Place{Use: Unknown}},
		{"/registry/pods/%2e/web", "", Place{Use: Unknown}},
		{"/registry/pods/shop/\xff", "", Place{Use: Unknown}},
		{"/registry/example.com/widgets", "", Place{Use: Unknown}},
		{"/registry/example.com//w", "", Place{Use: Unknown}},
		{"/registry/health", "", Place{Use: Unknown}},
		{"/registry/", "", Place{Use: Unknown}},
		// What is not below the prefix.
		{"/registry", "", Place{Use: Outside}},
		{"/registry2/pods/shop/web", "", Place{Use: Outside}},
		{"compact_rev_key", "", Place{Use: Outside}},
		{"", "", Place{Use: Outside}},
	} {
		if got := Locate([]byte(c.key), c.prefix); got != c.want {
			t.Errorf("%q below %q is %+v, want %+v", c.key, c.prefix, got, c.want)
		}
	}
}

func TestLocateInternal(t *testing.T) {
	for _, key := range []string{
		"/registry/masterleases/10.0.0.1", "/registry/peerserverleases/apiserver-abc", "/registry/ranges/serviceips",
		"/registry/ranges/secondaryserviceips", "/registry/ranges/servicenodeports",
	} {
		if p := Locate([]byte(key), ""); p.Use != Internal || p.For == "" || p.Key != (manifests.Key{}) {
			t.Errorf("%s is %+v", key, p)
		}
	}
}

func TestPlaceWith(t *testing.T) {
	one := Meta{APIVersion: "lifecycle.k8s.io/v1", Kind: "NewThing", Namespace: "shop", Name: "one"}
	for name, c := range map[string]struct {
		key  string
		meta func(m *Meta)
		want Use
	}{
		"of a newer Kubernetes":  {"/registry/newthings/shop/one", func(*Meta) {}, Object},
		"of another name":        {"/registry/newthings/shop/one", func(m *Meta) { m.Name = "two" }, Unknown},
		"of another namespace":   {"/registry/newthings/shop/one", func(m *Meta) { m.Namespace = "" }, Unknown},
		"without a kind":         {"/registry/newthings/shop/one", func(m *Meta) { m.Kind = "" }, Unknown},
		"of the core group":      {"/registry/newthings/shop/one", func(m *Meta) { m.APIVersion = "v1" }, Unknown},
		"that belongs elsewhere": {"/registry/ingresses/shop/one", func(m *Meta) { m.APIVersion = "networking.k8s.io/v1" }, Unknown},
		"below a group":          {"/registry/networking.k8s.io/ingresses/shop/one", func(*Meta) {}, Unknown},
		"that is known":          {"/registry/pods/shop/one", func(*Meta) {}, Object},
	} {
		m := one
		c.meta(&m)
		before := Locate([]byte(c.key), "")
		got := before.With(m)
		if got.Use != c.want {
			t.Errorf("%s: %+v", name, got)
		}
		became := before.Use == Unknown && got.Use == Object
		if became && got.Key.Group != "lifecycle.k8s.io" || before.Use == got.Use && before != got {
			t.Errorf("%s: %+v became %+v", name, before, got)
		}
	}
}

func FuzzLocate(f *testing.F) {
	for _, key := range []string{
		"/registry/pods/shop/web", "/registry/example.com/widgets/shop/w", "/registry/services/specs/a/b",
		"/registry/ranges/serviceips", "compact_rev_key", "/registry//", "/registry/a.b//c",
	} {
		f.Add([]byte(key), "")
		f.Add([]byte(key), "/registry/")
	}
	f.Fuzz(func(t *testing.T, key []byte, prefix string) {
		p := Locate(key, prefix)
		switch p.Use {
		case Object:
			if p.Key.Resource == "" || !isSegment(p.Key.Name) || EtcdKey(p.Key, prefix) == "" {
				t.Errorf("%q is %+v", key, p)
			}
		case Internal, Outside, Unknown:
		default:
			t.Errorf("%q is %+v", key, p)
		}
		if p.Use == Object && prefix == "" && EtcdKey(p.Key, prefix) != string(key) {
			t.Errorf("%q is %v, which is at %q", key, p.Key, EtcdKey(p.Key, prefix))
		}
	})
}
