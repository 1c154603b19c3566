package atrest

import "testing"

// Where a resource is kept is where it is found.
func TestPathIsWhatPlaceOfReads(t *testing.T) {
	all := append(All(), Resource{"example.com", "widgets"}, Resource{"apiextensions.k8s.io", "customresourcedefinitions"})
	if len(all) < 60 {
		t.Fatalf("%d resources are known", len(all))
	}
	for _, r := range all {
		key := "/registry/" + r.Path() + "/shop/web"
		got, ok := PlaceOf([]byte(key), "/registry")
		if want := (Place{r, "shop/web", true}); !ok || got != want {
			t.Errorf("%s is of %+v (%v), want %+v", key, got, ok, want)
		}
	}
	for r, want := range map[Resource]string{
		{"", "nodes"}:                      "minions",
		{"apps", "deployments"}:            "deployments",
		{"", "newthings"}:                  "newthings",
		{"apps", "newthings"}:              "newthings",
		{"example.com", "pods"}:            "example.com/pods",
		{"networking.k8s.io", "ingresses"}: "ingress",
	} {
		if got := r.Path(); got != want {
			t.Errorf("%+v is kept at %s, want %s", r, got, want)
		}
	}
}
