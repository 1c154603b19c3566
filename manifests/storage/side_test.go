package storage

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/clustersnap/clustersnap/manifests"
)

// keys is a view of what a test has written.
type keys []*mvccpb.KeyValue

func (k keys) Revision() int64 { return 90 }

func (k keys) Keys(context.Context) iter.Seq2[*mvccpb.KeyValue, error] {
	return func(yield func(*mvccpb.KeyValue, error) bool) {
		for _, kv := range k {
			if !yield(kv, nil) {
				return
			}
		}
	}
}

var errNoKey = errors.New("no such key")

func (k keys) Get(_ context.Context, key string) (*mvccpb.KeyValue, error) {
	for _, kv := range k {
		if string(kv.Key) == key {
			return kv, nil
		}
	}
	return nil, errNoKey
}

// kv is a key with a value in JSON, or whatever it is.
func kv(key, value string) *mvccpb.KeyValue {
	return &mvccpb.KeyValue{Key: []byte(key), Value: []byte(value), ModRevision: 42, CreateRevision: 42, Version: 1}
}

// mixed is some of all that can stand in an etcd.
func mixed(t *testing.T) keys {
	const widget = `{"apiVersion":"example.com/v1","kind":"Widget",
		"metadata":{"name":"w","namespace":"shop","uid":"u2","labels":{"app":"w"}}}`
	const newer = `{"apiVersion":"newer.k8s.io/v1","kind":"Novelty","metadata":{"name":"new","namespace":"shop","uid":"u3"}}`
	const done = `{"apiVersion":"batch/v1","kind":"Job","metadata":{"name":"j","namespace":"shop","uid":"u4"},
		"spec":{"template":{"spec":{"containers":[]}}},"status":{"conditions":[{"type":"Complete","status":"True"}]}}`
	return keys{
		kv("/elsewhere", "of somebody"),
		stored(t, "/registry/deployments/shop/web", web),
		kv("/registry/example.com/widgets/shop/w", widget),
		stored(t, "/registry/jobs/shop/j", done),
		stored(t, "/registry/masterleases/10.0.0.1", web),
		kv("/registry/novelties/shop/new", newer),
		kv("/registry/nothing", "that anybody knows"),
		kv("/registry/secrets/shop/s", "k8s:enc:aescbc:v1:key1:xxxx"),
		kv("/registry/widgets.example.com/cut", `{"apiVersion":`),
		kv("compact_rev_key", "7"),
	}
}

func entries(t *testing.T, s *Side) (list []manifests.Entry) {
	t.Helper()
	for e, err := range s.Entries(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, e)
	}
	return list
}

// named gives the keys of entries.
func named(list []manifests.Entry) (names []string) {
	for _, e := range list {
		names = append(names, e.Key.String())
	}
	return names
}

func TestSideHasEveryObject(t *testing.T) {
	for name, of := range map[string]func(*Decoder, View, Selection) *Side{
		"versions": (*Decoder).Versions, "hashes": (*Decoder).Hashes,
	} {
		s := of(newDecoder(t, Options{}), mixed(t), Selection{})
		list := entries(t, s)
		want := []string{
			"deployments.apps/web -n shop", "jobs.batch/j -n shop", "novelties.newer.k8s.io/new -n shop", "secrets/s -n shop",
			"widgets.example.com/w -n shop",
		}
		if got := named(list); !slices.Equal(got, want) {
			t.Fatalf("%s: %q, want %q", name, got, want)
		}
		for i, e := range list {
			text, err := s.Object(t.Context(), e)
			read := e.Resource != "secrets"
			switch hash := e.Hash != ""; {
			case e.ResourceVersion != "42" || e.Class == "" || (e.UID != "") != read:
				t.Errorf("%s: %+v", name, e)
			case read && (err != nil || !strings.Contains(string(text), "\n  name: "+e.Name+"\n") || hash != (name == "hashes")):
				t.Errorf("%s: number %d is %+v, and the object\n%s(%v)", name, i, e, text, err)
			case !read && (!errors.Is(err, ErrEncrypted) || !strings.HasPrefix(e.Hash, "stored:")):
				t.Errorf("%s: the Secret is %+v: %v", name, e, err)
			}
		}
		report := s.Seen()
		if report.ResourceVersion != "90" || report.Objects != len(want) || report.Selection.Level != manifests.Portable {
			t.Errorf("%s: the report is of %+v, with %d objects", name, report.Instant, report.Objects)
		}
		missing := report.Missing()
		if len(missing) != 1 || !strings.Contains(missing[0].Why, "/registry/nothing") {
			t.Errorf("%s: missing is %v", name, missing)
		}
	}
}

// Metadata does not tell that a job has ended.
func TestSideKnowsTheClassOfWhatItReads(t *testing.T) {
	s := newDecoder(t, Options{}).Versions(mixed(t), Selection{})
	for _, e := range entries(t, s) {
		if e.Resource != "jobs" {
			continue
		}
		_, class, err := s.Classified(t.Context(), e)
		if e.Class != manifests.User || class != manifests.Completed || err != nil {
			t.Errorf("the job is of class %s, and once read of %s (%v)", e.Class, class, err)
		}
	}
}

func TestSideIsNarrowed(t *testing.T) {
	for name, c := range map[string]struct {
		s    Selection
		want []string
	}{
		"labels":      {Selection{LabelSelector: "app=w"}, []string{"secrets/s -n shop", "widgets.example.com/w -n shop"}},
		"namespaces":  {Selection{Namespaces: []string{"other"}}, nil},
		"no class":    {Selection{Classes: []manifests.Class{manifests.Bootstrap}}, nil},
		"no resource": {Selection{Exclude: func(r manifests.Resource) bool { return r.Group != "" }}, []string{"secrets/s -n shop"}},
	} {
		if got := named(entries(t, newDecoder(t, Options{}).Versions(mixed(t), c.s))); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	for _, err := range newDecoder(t, Options{}).Versions(mixed(t), Selection{LabelSelector: "a in"}).Entries(t.Context()) {
		if err == nil {
			t.Error("a selector that says nothing is taken")
		}
	}
}

// What can't be decoded is the same as long as its bytes are.
func TestSideTellsUnreadValuesApart(t *testing.T) {
	hash := func(value string) string {
		v := keys{kv("/registry/secrets/shop/s", value), kv("compact_rev_key", "7")}
		list := entries(t, newDecoder(t, Options{}).Versions(v, Selection{}))
		if len(list) != 1 {
			t.Fatalf("%d entries", len(list))
		}
		return list[0].Hash
	}
	for _, of := range []string{"k8s:enc:aescbc:v1:key1:%s", `{"apiVersion":%s`, "%s"} {
		one, same, other := hash(fmt.Sprintf(of, "x")), hash(fmt.Sprintf(of, "x")), hash(fmt.Sprintf(of, "y"))
		if one != same || one == other || one == "" {
			t.Errorf("%q has the hashes %q, %q and %q", of, one, same, other)
		}
	}
}

// failing is a view on a disk that fails.
type failing struct{ keys }

func (f failing) Keys(context.Context) iter.Seq2[*mvccpb.KeyValue, error] {
	return func(yield func(*mvccpb.KeyValue, error) bool) { yield(nil, errNoKey) }
}

func TestSideTellsWhatFails(t *testing.T) {
	s := newDecoder(t, Options{}).Versions(failing{}, Selection{})
	var last error
	for _, err := range s.Entries(t.Context()) {
		last = err
	}
	if !errors.Is(last, errNoKey) || s.Seen() != nil {
		t.Errorf("%v, and it has seen %+v", last, s.Seen())
	}
	// A part of the keys would be taken for all.
	v := keys{kv("/registry/secrets/shop/s", "x"), kv("/registry/secrets/shop/t", "y")}
	for e, err := range newDecoder(t, Options{}).Versions(v, Selection{}).Entries(t.Context()) {
		if err == nil {
			t.Errorf("of a part there is %+v", e)
		}
	}
	pod := manifests.Entry{Key: manifests.Key{Resource: "pods", Namespace: "a", Name: "b"}}
	if _, err := s.Object(t.Context(), pod); !errors.Is(err, errNoKey) {
		t.Errorf("what is not there: %v", err)
	}
}

// Once etcd was restored from a snapshot, versions come again for other content, and hashes tell.
func TestHashesTellWhatVersionsDoNot(t *testing.T) {
	at := func(size string) keys {
		const widget = `{"apiVersion":"example.com/v1","kind":"Widget","metadata":{"name":"w","namespace":"shop","uid":"u"},"spec":%s}`
		return keys{kv("/registry/example.com/widgets/shop/w", fmt.Sprintf(widget, size)), kv("compact_rev_key", "7")}
	}
	one := func(of func(*Decoder, View, Selection) *Side, size string) manifests.Entry {
		return entries(t, of(newDecoder(t, Options{}), at(size), Selection{}))[0]
	}
	if a, b := one((*Decoder).Versions, "1"), one((*Decoder).Versions, "2"); a != b || a.UID == "" {
		t.Errorf("by version: %+v and %+v", a, b)
	}
	if a, b, c := one((*Decoder).Hashes, "1"), one((*Decoder).Hashes, "2"), one((*Decoder).Hashes, "1"); a == b || a != c {
		t.Errorf("by content: %+v, %+v and %+v", a, b, c)
	}
}
