package adopt

import (
	"errors"
	"maps"
	"testing"

	"github.com/clustersnap/clustersnap/volsnap/internal/api"
)

func class(name string, isDefault string) *api.Class {
	c := &api.Class{Driver: "dir.example.com"}
	c.Name = name
	if isDefault != "" {
		c.Annotations = map[string]string{api.AnnotationDefaultClass: isDefault}
	}
	return c
}

func TestPick(t *testing.T) {
	for name, test := range map[string]struct {
		own    []*api.Class
		theirs string
		want   string // "" is ErrClass
	}{
		"the only one":                 {[]*api.Class{class("a", "")}, "", "a"},
		"of the record's name":         {[]*api.Class{class("a", "true"), class("b", "")}, "b", "b"},
		"the default one":              {[]*api.Class{class("a", ""), class("b", "true")}, "c", "b"},
		"several":                      {[]*api.Class{class("a", ""), class("b", "")}, "", ""},
		"several defaults":             {[]*api.Class{class("a", "true"), class("b", "true")}, "", ""},
		"several, one says no default": {[]*api.Class{class("a", "false"), class("b", "")}, "", ""},
	} {
		got, err := pick(test.own, test.theirs)
		switch {
		case test.want == "" && !errors.Is(err, ErrClass):
			t.Errorf("%s: got %v, %v, want ErrClass", name, got, err)
		case test.want != "" && (err != nil || got.Name != test.want):
			t.Errorf("%s: got %v, %v, want %s", name, got, err, test.want)
		}
	}
}

func TestSecrets(t *testing.T) {
	with := class("a", "")
	with.Parameters = map[string]string{
		secretName: "s-${volumesnapshot.name}-${volumesnapshotcontent.name}", secretNamespace: "${volumesnapshot.namespace}",
	}
	got := Secrets(with, "content", "shop", "db")
	want := map[string]string{api.AnnotationDeletionSecret: "s-db-content", api.AnnotationDeletionSecrets: "shop"}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	// The user of a namespace chooses the name of a snapshot, so it must not choose a namespace of secrets.
	with.Parameters[secretNamespace] = "${volumesnapshot.name}"
	if got := Secrets(with, "content", "shop", "kube-system")[api.AnnotationDeletionSecrets]; got == "kube-system" {
		t.Errorf("the name of a snapshot was taken for the namespace of a secret")
	}
	if got := Secrets(class("a", ""), "content", "shop", "db"); len(got) > 0 {
		t.Errorf("a class without secrets gives %v", got)
	}
	if got := Secrets(nil, "content", "shop", "db"); len(got) > 0 {
		t.Errorf("no class gives %v", got)
	}
}

func TestContentName(t *testing.T) {
	a := ContentName(Handle{Driver: "d", Handle: "h"}, "ns", "name")
	for _, b := range []string{
		ContentName(Handle{Driver: "d2", Handle: "h"}, "ns", "name"), ContentName(Handle{Driver: "d", Handle: "h2"}, "ns", "name"),
		ContentName(Handle{Driver: "d", Handle: "h"}, "ns2", "name"), ContentName(Handle{Driver: "d", Handle: "h"}, "ns", "name2"),
		ContentName(Handle{Driver: "d", Handle: "hn"}, "s", "name"),
	} {
		if a == b {
			t.Errorf("two imports have one content, %s", a)
		}
	}
}

func TestBounded(t *testing.T) {
	if got := Bounded(" a\n\tb \xff"); got != "a b ?" {
		t.Errorf("got %q", got)
	}
	if got := Bounded(string(make([]byte, 10*maxSaid))); len(got) > maxSaid+3 {
		t.Errorf("got %d bytes", len(got))
	}
}
