package canonical

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/clustersnap/clustersnap/manifests"
)

// levels are all that there are.
func levels() map[string]manifests.Level {
	return map[string]manifests.Level{"portable": manifests.Portable, "faithful": manifests.Faithful}
}

// canonical gives the form of an item, which it must have.
func canonical(t *testing.T, i item, r manifests.Resource, level manifests.Level) *manifests.Object {
	t.Helper()
	o, err := manifests.Canonical(i.raw, r, level)
	if err != nil {
		t.Fatalf("%s %s/%s: %v", r.Resource, i.namespace, i.name, err)
	}
	return o
}

// TestForm holds each object of the cluster against what is promised of its canonical form.
func TestForm(t *testing.T) {
	node, _ := cluster(t)
	s := newServer(t, node.RESTConfig(t))
	for name, level := range levels() {
		t.Run(name, func(t *testing.T) {
			t.Run("twice is once", func(t *testing.T) { twice(t, s, level) })
			t.Run("same from list, get and watch", func(t *testing.T) { sameFromAll(t, s, level) })
			t.Run("reads as its JSON without what was removed", func(t *testing.T) { readsAsJSON(t, s, level) })
		})
	}
	t.Run("choices are kept", func(t *testing.T) { keepsChoices(t, s) })
}

// twice holds that the form of what has the form already is the same.
func twice(t *testing.T, s *server, level manifests.Level) {
	for _, r := range s.resources {
		for _, i := range s.list(t, r) {
			once := canonical(t, i, r, level)
			json, err := yaml.YAMLToJSONStrict(once.YAML)
			if err != nil {
				t.Fatalf("%s: %v\n%s", once.Key, err, once.YAML)
			}
			again := canonical(t, item{raw: json, name: i.name}, r, level)
			if !bytes.Equal(once.YAML, again.YAML) {
				t.Errorf("%s is not the same twice:\n%s", once.Key, difference(once.YAML, again.YAML))
			}
			if len(again.Removed) != 0 {
				t.Errorf("%s: %q were removed, and then %q", once.Key, once.Removed, again.Removed)
			}
			if again.Hash != once.Hash {
				t.Errorf("%s: hash %s, and then %s", once.Key, once.Hash, again.Hash)
			}
		}
	}
}

// sameFromAll holds that it does not matter how an object was read. Two readings of one resource version are compared;
// controllers may write between them.
func sameFromAll(t *testing.T, s *server, level manifests.Level) {
	compared, unlucky := 0, 0
	for _, r := range s.resources {
		if r.Resource == "componentstatuses" {
			continue // nobody can watch them
		}
		listed := make(map[string]*manifests.Object)
		items := s.list(t, r)
		for _, i := range items {
			o := canonical(t, i, r, level)
			listed[i.namespace+"/"+i.name+"@"+i.resourceVersion] = o
		}
		others := s.watch(t, r, len(items))
		for _, i := range items {
			if !strings.HasPrefix(i.namespace, "kube-") { // where leases come and go
				others = append(others, s.get(t, r, i.namespace, i.name))
			}
		}
		for _, i := range others {
			want := listed[i.namespace+"/"+i.name+"@"+i.resourceVersion]
			if want == nil {
				unlucky++
				continue
			}
			compared++
			got := canonical(t, i, r, level)
			if !bytes.Equal(want.YAML, got.YAML) || want.Entry != got.Entry {
				t.Errorf("%s: the list gives %+v, another reader %+v\n%s",
					want.Key, want.Entry, got.Entry, difference(want.YAML, got.YAML))
			}
		}
	}
	if compared < 20*unlucky {
		t.Errorf("%d readings compared, and %d not", compared, unlucky)
	}
	t.Logf("%d readings compared, %d of another version", compared, unlucky)
}

// readsAsJSON holds the YAML, as sigs.k8s.io/yaml reads it, against the JSON, without the paths that are said to be
// removed. The kind and version that lists leave out are put in.
func readsAsJSON(t *testing.T, s *server, level manifests.Level) {
	for _, r := range s.resources {
		for _, i := range s.list(t, r) {
			o := canonical(t, i, r, level)
			want := decode(t, i.raw).(map[string]any)
			version := r.Version
			if r.Group != "" {
				version = r.Group + "/" + r.Version
			}
			want["apiVersion"], want["kind"] = version, r.Kind
			for _, path := range o.Removed {
				if !remove(want, steps(t, path)) {
					t.Errorf("%s: %s is said to be removed, and never was there", o.Key, path)
				}
			}
			withoutGone(want)
			json, err := yaml.YAMLToJSONStrict(o.YAML)
			if err != nil {
				t.Errorf("%s: %v\n%s", o.Key, err, o.YAML)
				continue
			}
			got := decode(t, json).(map[string]any)
			for _, field := range serverSet() {
				if got["metadata"].(map[string]any)[field] != nil {
					t.Errorf("%s still has metadata.%s", o.Key, field)
				}
			}
			if r.Kind == "Endpoints" {
				asSets(t, want)
				asSets(t, got)
			}
			for _, line := range unequal("", want, got) {
				t.Errorf("%s: %s", o.Key, line)
			}
		}
	}
}

// serverSet are the fields of metadata that no level keeps.
func serverSet() []string {
	return []string{
		"creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp", "generation", "managedFields",
		"resourceVersion", "selfLink", "uid",
	}
}

// difference shows the first lines that differ.
func difference(a, b []byte) string {
	linesA, linesB := strings.Split(string(a), "\n"), strings.Split(string(b), "\n")
	for n := range min(len(linesA), len(linesB)) {
		if linesA[n] != linesB[n] {
			return fmt.Sprintf("line %d: %.200q and %.200q", n+1, linesA[n], linesB[n])
		}
	}
	return fmt.Sprintf("%d lines and %d", len(linesA), len(linesB))
}
