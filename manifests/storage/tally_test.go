package storage

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/clustersnap/clustersnap/manifests"
)

func TestLongTypesAreDamaged(t *testing.T) {
	for _, c := range []struct {
		group, version, kind string
		want                 error
	}{
		{"example.com", strings.Repeat("v", 63), strings.Repeat("K", 63), nil},
		{"example.com", strings.Repeat("v", 64), "Widget", ErrDamaged},
		{"example.com", "v1", strings.Repeat("K", 64), ErrDamaged},
		{strings.Repeat("g", 250) + ".io", "v1", "Widget", nil},
		{strings.Repeat("g", 251) + ".io", "v1", "Widget", ErrDamaged},
	} {
		path := c.group + "/widgets"
		if len(c.group) > 200 { // a newer Kubernetes' own, whose group the value tells
			path = "widgets"
		}
		kv := keyed("/registry/"+path+"/shop/w", fmt.Sprintf(
			`{"apiVersion":"%s/%s","kind":%q,"metadata":{"name":"w","namespace":"shop"}}`, c.group, c.version, c.kind))
		if _, err := newDecoder(t, Options{}).Entry(kv); !errors.Is(err, c.want) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// Hostile values have as many versions as they like.
func TestVersionsAreBounded(t *testing.T) {
	all := []*mvccpb.KeyValue{
		stored(t, "/registry/namespaces/shop", `{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"shop"}}`),
	}
	for i := range maxVersions + 3 {
		all = append(all, keyed(fmt.Sprintf("/registry/example.com/widgets/w%d", i),
			fmt.Sprintf(`{"apiVersion":"example.com/v%d","kind":"Widget","metadata":{"name":"w%d"}}`, i+1, i)))
	}
	d := newDecoder(t, Options{})
	crd := keyed(DefinitionPrefix("")+"widgets.example.com", `{"apiVersion":"apiextensions.k8s.io/v1",
		"kind":"CustomResourceDefinition","metadata":{"name":"widgets.example.com"},
		"spec":{"group":"example.com","scope":"Cluster","names":{"plural":"widgets","kind":"Widget"}}}`)
	if err := d.Learn(crd); err != nil {
		t.Fatal(err)
	}
	report, err := d.Dump(t.Context(), each(nil, all...), manifests.Instant{}, &received{}, Selection{})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range report.Outcomes {
		if o.Resource.Resource == "widgets" && o.Objects == maxVersions+3 && strings.HasSuffix(o.Why, ", 3 at others") {
			return
		}
	}
	t.Errorf("no outcome tells of 3 versions too many")
}
