package volsnap

import (
	"slices"
	"testing"
)

func TestSelectionsThatAreNone(t *testing.T) {
	for name, s := range map[string]Selection{
		"claims with namespaces": {Namespaces: []string{"shop"}, Claims: []string{"shop/data"}},
		"claims with labels":     {Labels: "a=b", Claims: []string{"shop/data"}},
		"no name of a namespace": {Namespaces: []string{"shop", ""}},
		"no namespace":           {Claims: []string{"data"}},
		"an empty namespace":     {Claims: []string{"/data"}},
		"an empty claim":         {Claims: []string{"shop/"}},
		"too many parts":         {Claims: []string{"shop/data", "shop/data/x"}},
		"nothing":                {Claims: []string{""}},
	} {
		t.Run(name, func(t *testing.T) {
			if err := s.check(); err == nil {
				t.Errorf("%+v is taken", s)
			}
		})
	}
	for _, s := range []Selection{
		{}, {Labels: "a=b"}, {Namespaces: []string{"shop"}, Labels: "a=b"}, {Claims: []string{"shop/data"}},
	} {
		if err := s.check(); err != nil {
			t.Errorf("%+v is refused: %v", s, err)
		}
	}
}

func TestPlacesOfASelection(t *testing.T) {
	for _, test := range []struct {
		s    Selection
		want []string
	}{
		{Selection{}, []string{""}},
		{Selection{Labels: "a=b"}, []string{""}},
		{Selection{Namespaces: []string{"b", "a", "b"}}, []string{"a", "b"}},
		{Selection{Claims: []string{"b/x", "a/x", "b/y"}}, []string{"a", "b"}},
	} {
		if got := test.s.places(); !slices.Equal(got, test.want) {
			t.Errorf("%+v looks at %q, want %q", test.s, got, test.want)
		}
	}
	s := Selection{Namespaces: []string{"b", "a"}}
	s.places()
	if !slices.Equal(s.Namespaces, []string{"b", "a"}) {
		t.Error("the caller's names were sorted")
	}
}
