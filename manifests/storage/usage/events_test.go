package usage_test

import (
	"errors"
	"fmt"
	"iter"
	"testing"

	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/clustersnap/clustersnap/manifests/storage/usage"
)

// written are events as etcd makes them of writes.
type written struct {
	events  []*mvccpb.Event
	version map[string]int64
	created map[string]int64
}

func newWritten() *written {
	return &written{version: map[string]int64{}, created: map[string]int64{}}
}

func (w *written) revision() int64 { return int64(len(w.events)) + 1 } // of the next write less one

func (w *written) put(key, value string) {
	if w.version[key]++; w.version[key] == 1 {
		w.created[key] = w.revision() + 1
	}
	w.events = append(w.events, &mvccpb.Event{Kv: &mvccpb.KeyValue{
		Key: []byte(key), Value: []byte(value), Version: w.version[key],
		CreateRevision: w.created[key], ModRevision: w.revision() + 1,
	}})
}

func (w *written) remove(key string) {
	delete(w.version, key)
	w.events = append(w.events, &mvccpb.Event{Type: 1, Kv: &mvccpb.KeyValue{Key: []byte(key), ModRevision: w.revision() + 1}})
}

func (w *written) all() iter.Seq2[*mvccpb.Event, error] {
	return func(yield func(*mvccpb.Event, error) bool) {
		for _, e := range w.events {
			if !yield(e, nil) {
				return
			}
		}
	}
}

// count counts what cannot fail.
func count(t testing.TB, w *written, opts usage.Options) *usage.Report {
	t.Helper()
	report, err := usage.Count(w.all(), opts)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// custom is the value of a custom resource.
func custom(kind, name string, size int) string {
	const form = `{"apiVersion":"example.com/v1","kind":%q,"metadata":{"name":%q},"spec":{"text":"%0*d"}}`
	return fmt.Sprintf(form, kind, name, size, 0)
}

func TestErrors(t *testing.T) {
	broken := errors.New("broken")
	for name, events := range map[string]iter.Seq2[*mvccpb.Event, error]{
		"their own": func(yield func(*mvccpb.Event, error) bool) { yield(nil, broken) },
		"nil":       func(yield func(*mvccpb.Event, error) bool) { yield(nil, nil) },
		"no record": func(yield func(*mvccpb.Event, error) bool) { yield(&mvccpb.Event{}, nil) },
		"no key":    func(yield func(*mvccpb.Event, error) bool) { yield(&mvccpb.Event{Kv: &mvccpb.KeyValue{}}, nil) },
	} {
		report, err := usage.Count(events, usage.Options{})
		if err == nil || report != nil || name == "their own" != errors.Is(err, broken) {
			t.Errorf("%s: report %v, error %v", name, report, err)
		}
	}
}
