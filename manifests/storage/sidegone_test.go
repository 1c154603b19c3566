package storage

import (
	"slices"
	"testing"

	"github.com/clustersnap/clustersnap/manifests"
)

// A namespace that is misspelled gives an empty side, which says so.
func TestSideTellsOfNamespacesThatAreNotThere(t *testing.T) {
	s := newDecoder(t, Options{}).Versions(mixed(t), Selection{Namespaces: []string{"shop", "shpo"}})
	entries(t, s)
	var got []string
	for _, o := range s.Seen().Outcomes {
		if o.Resource.Resource == everything && o.State == manifests.Listed && o.Why != "" {
			got = append(got, o.Namespace)
		}
	}
	if !slices.Equal(got, []string{"shpo"}) {
		t.Errorf("not there are %q", got)
	}
}
