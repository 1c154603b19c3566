package diff_test

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/diff"
)

func TestTwoVersionsOfOneObject(t *testing.T) {
	const text = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c\n  namespace: shop\ndata:\n  k: "
	e := manifests.Entry{
		Key: manifests.Key{Resource: "configmaps", Namespace: "shop", Name: "c"}, Kind: "ConfigMap", Class: manifests.User,
	}
	for _, c := range []struct{ name, a, b, want string }{
		{"changed", text + "old\n", text + "new\n", "configmaps/c -n shop changed\n  data.k changed a=\"old\" b=\"new\"\n"},
		{"made", "", text + "new\n", "configmaps/c -n shop added\n"},
		{"removed", text + "new\n", "", "configmaps/c -n shop removed\n"},
		{"the same in other words", text + "v\n", text + "\"v\"\n", ""},
		{"never there", "", "", ""},
	} {
		change, err := diff.Objects(e, orNil(c.a), orNil(c.b))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		var changes []*diff.Change
		if change != nil {
			changes = append(changes, change)
			if change.Kind != "ConfigMap" || change.Class != manifests.User {
				t.Errorf("%s: the change is %+v", c.name, *change)
			}
		}
		wantSaid(t, changes, c.want)
	}
	_, err := diff.Objects(e, []byte(text+"v\n"), []byte("- no object\n"))
	if err == nil || !strings.Contains(err.Error(), "configmaps/c -n shop: read side b") {
		t.Errorf("of what is no object: %v", err)
	}
}

// orNil is nil for no text.
func orNil(text string) []byte {
	if text == "" {
		return nil
	}
	return []byte(text)
}

// Secrets have masks in what is told of two versions, as everywhere.
func TestTwoVersionsOfASecret(t *testing.T) {
	const text = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: s\ndata:\n  "
	e := manifests.Entry{Key: manifests.Key{Resource: "secrets", Name: "s"}}
	change, err := diff.Objects(e, []byte(text+"p: aHVudGVyMQ==\n"), []byte(text+"p: aHVudGVyMg==\n"))
	if err != nil || change == nil {
		t.Fatalf("change %v, error %v", change, err)
	}
	wantSaid(t, []*diff.Change{change}, "secrets/s changed\n  data.p changed a=\"*** (before)\" b=\"*** (after)\"\n")
	var out bytes.Buffer
	if err := diff.Unified(&out, change); err != nil || strings.Contains(out.String(), "aHVudGVy") || !strings.Contains(out.String(), `+  p: "*** (after)"`) {
		t.Errorf("it is shown as\n%s(%v)", out.String(), err)
	}
}

// translated is a side that has its objects in each version.
type translated struct {
	*view
	asked []string
}

func (s *translated) InVersion(_ context.Context, e manifests.Entry, apiVersion string) ([]byte, error) {
	s.asked = append(s.asked, apiVersion)
	return []byte(strings.Replace(s.texts[e.Key], "apiVersion: v1\n", "apiVersion: "+apiVersion+"\n", 1)), nil
}

// Etcd may have an object in another version than the one that it is listed at: then the live object is read in that.
func TestSidesAtTwoVersions(t *testing.T) {
	old := (&view{}).add(named("same", "", "", ""), "v").add(named("moved", "", "", ""), "old")
	for key, text := range old.texts {
		old.texts[key] = strings.Replace(text, "apiVersion: v1\n", "apiVersion: v1beta1\n", 1)
	}
	live := &translated{view: (&view{}).add(named("same", "", "", ""), "v").add(named("moved", "", "", ""), "new")}
	changes, _ := compare(t, old, live, diff.Options{Parallel: 1})
	wantSaid(t, changes, "configmaps/moved changed\n  data.k changed a=\"old\" b=\"new\"\n")
	if strings.Join(live.asked, " ") != "v1beta1 v1beta1" {
		t.Errorf("the live side was asked for %q", live.asked)
	}
	asIs := func(_ manifests.Key, text []byte) ([]byte, error) { return text, nil }
	changes, _ = compare(t, diff.Redacted(old, asIs), diff.Redacted(live, asIs), diff.Options{Parallel: 1})
	wantSaid(t, changes, "configmaps/moved changed\n  data.k changed a=\"old\" b=\"new\"\n")
	changes, _ = compare(t, old, live.view, diff.Options{}) // which can't
	wantSaid(t, changes, "configmaps/moved changed\n  apiVersion changed a=\"v1beta1\" b=\"v1\"\n  data.k changed a=\"old\" b=\"new\"\n"+
		"configmaps/same changed\n  apiVersion changed a=\"v1beta1\" b=\"v1\"\n")
}
