package proof

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"testing"

	"go.etcd.io/etcd/api/v3/mvccpb"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"github.com/clustersnap/clustersnap/manifests"
)

// world is an etcd that remembers all, and forgets as it is told to.
type world struct {
	revision, compacted int64
	history             []*mvccpb.Event
}

// newWorld gives one whose next revision is 10.
func newWorld() *world { return &world{revision: 9} }

func (w *world) put(key string, value []byte) int64 {
	w.revision++
	kv := &mvccpb.KeyValue{Key: []byte(key), Value: value, CreateRevision: w.revision, ModRevision: w.revision, Version: 1}
	if was := w.at(w.revision)[key]; was != nil {
		kv.CreateRevision, kv.Version = was.CreateRevision, was.Version+1
	}
	w.history = append(w.history, &mvccpb.Event{Kv: kv})
	return w.revision
}

func (w *world) delete(key string) int64 {
	w.revision++
	w.history = append(w.history, &mvccpb.Event{Type: deleted, Kv: &mvccpb.KeyValue{Key: []byte(key), ModRevision: w.revision}})
	return w.revision
}

// at is what there was at a revision.
func (w *world) at(revision int64) map[string]*mvccpb.KeyValue {
	keys := map[string]*mvccpb.KeyValue{}
	for _, e := range w.history {
		switch {
		case e.Kv.ModRevision > revision:
		case e.Type == deleted:
			delete(keys, string(e.Kv.Key))
		default:
			keys[string(e.Kv.Key)] = e.Kv
		}
	}
	return keys
}

// store is the world at a revision, with the history that a compaction has left.
func (w *world) store(revision int64) Store {
	keys := w.at(revision)
	kept := w.at(w.compacted)
	return Store{
		Revision: revision,
		Keys: func(yield func(*mvccpb.KeyValue, error) bool) {
			for _, key := range slices.Sorted(maps.Keys(keys)) {
				if !yield(keys[key], nil) {
					return
				}
			}
		},
		Events: func(after int64) iter.Seq2[*mvccpb.Event, error] {
			return func(yield func(*mvccpb.Event, error) bool) {
				for _, e := range w.history {
					m := e.Kv.ModRevision
					tomb := m == w.compacted && e.Type == deleted
					if m <= after || m <= w.compacted && kept[string(e.Kv.Key)] != e.Kv && !tomb {
						continue
					}
					if !yield(e, nil) {
						return
					}
				}
			}
		},
	}
}

// outcomes are what a dump says of the kinds in the tests.
func outcomes() []manifests.Outcome {
	var all []manifests.Outcome
	for _, r := range []manifests.Resource{
		{Version: "v1", Resource: "namespaces", Kind: "Namespace"},
		{Version: "v1", Resource: "configmaps", Kind: "ConfigMap", Namespaced: true},
		{Version: "v1", Resource: "secrets", Kind: "Secret", Namespaced: true},
		{Group: "example.com", Version: "v1", Resource: "widgets", Kind: "Widget", Namespaced: true},
	} {
		all = append(all, manifests.Outcome{Resource: r, State: manifests.Listed})
	}
	return all
}

// report is that of a dump at a revision.
func report(at int64, all ...manifests.Outcome) *manifests.Report {
	return &manifests.Report{Instant: manifests.Instant{ResourceVersion: fmt.Sprint(at), ServerVersion: "v1.37.2"}, Outcomes: all}
}

// dump is what a dump of the world at a revision has, of the kinds in outcomes.
func (w *world) dump(t testing.TB, at int64) []manifests.Entry {
	t.Helper()
	d := Dump{Report: report(at, outcomes()...), Entries: entries(nil)}
	j, err := newJudge(t.Context(), d, Options{})
	must(t, err)
	defer j.close()
	var all []manifests.Entry
	for _, kv := range w.at(at) {
		s := j.read(kv)
		if j.covered.of(s.Key).State != manifests.Listed {
			continue
		}
		all = append(all, manifests.Entry{Key: s.Key, Kind: s.kind, UID: s.uid, ResourceVersion: fmt.Sprint(s.mod)})
	}
	slices.SortFunc(all, func(a, b manifests.Entry) int { return a.Compare(b.Key) })
	return all
}

func entries(all []manifests.Entry) iter.Seq2[manifests.Entry, error] {
	return func(yield func(manifests.Entry, error) bool) {
		for _, e := range all {
			if !yield(e, nil) {
				return
			}
		}
	}
}

// without gives all entries but that of a name.
func without(all []manifests.Entry, name string) []manifests.Entry {
	return slices.DeleteFunc(slices.Clone(all), func(e manifests.Entry) bool { return e.Name == name })
}

// object is one as kube-apiserver stores custom resources.
func object(apiVersion, kind, namespace, name, uid string, more ...string) []byte {
	return fmt.Appendf(nil, `{"apiVersion":%q,"kind":%q,"metadata":{"namespace":%q,"name":%q,"uid":%q}%s}`,
		apiVersion, kind, namespace, name, uid, strings.Join(append([]string{""}, more...), ","))
}

// packed is a ConfigMap as kube-apiserver stores it.
func packed(t testing.TB, namespace, name, uid string) []byte {
	t.Helper()
	return packedAs(t, "v1", "ConfigMap", namespace, name, uid, nil)
}

// packedAs is metadata in the encoding of all objects that are Kubernetes' own, and more of the message.
func packedAs(t testing.TB, apiVersion, kind, namespace, name, uid string, labels map[string]string, more ...byte) []byte {
	t.Helper()
	meta := metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{
		Namespace: namespace, Name: name, UID: types.UID(uid), Labels: labels,
	}}
	raw, err := meta.Marshal()
	must(t, err)
	unknown := runtime.Unknown{TypeMeta: runtime.TypeMeta{APIVersion: apiVersion, Kind: kind}, Raw: append(raw, more...)}
	b, err := unknown.Marshal()
	must(t, err)
	return append([]byte("k8s\x00"), b...)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// prove holds a dump against a store.
func prove(t testing.TB, r *manifests.Report, all []manifests.Entry, s Store, opts Options) *Proof {
	t.Helper()
	p, err := Complete(t.Context(), Dump{Report: r, Entries: entries(all)}, s, opts)
	must(t, err)
	return p
}

// want holds that the findings of a proof are these, each as "kind name: a part of why", and nothing else.
func want(t testing.TB, p *Proof, findings ...string) {
	t.Helper()
	left := slices.Clone(findings)
	for _, f := range p.Findings {
		i := slices.IndexFunc(left, func(s string) bool {
			head, why, _ := strings.Cut(s, ": ")
			return head == string(f.Is)+" "+cmp.Or(f.Name, f.Resource, f.EtcdKey) && strings.Contains(f.Why, why)
		})
		if i < 0 {
			t.Errorf("there is a finding %v", f)
			continue
		}
		left = slices.Delete(left, i, i+1)
	}
	for _, s := range left {
		t.Errorf("there is no finding %q", s)
	}
	spoiled := slices.ContainsFunc(p.Findings, func(f Finding) bool { return f.Is.spoils() })
	if p.Complete() == spoiled {
		t.Errorf("complete is %t: %v", p.Complete(), p)
	}
}
