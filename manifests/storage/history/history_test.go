package history

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"

	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/clustersnap/clustersnap/manifests/storage"
)

// written is what is stored in an etcd that was compacted, and how its reading ends.
type written struct {
	events    []*mvccpb.Event
	compacted int64
	err       error
}

func (w written) CompactRevision() int64 { return w.compacted }

func (w written) Events(_ context.Context, prefix string, after int64) iter.Seq2[*mvccpb.Event, error] {
	return func(yield func(*mvccpb.Event, error) bool) {
		for _, e := range w.events {
			if e.Kv.ModRevision > after && strings.HasPrefix(string(e.Kv.Key), prefix) && !yield(e, nil) {
				return
			}
		}
		if w.err != nil {
			yield(nil, w.err)
		}
	}
}

const gadgetKey = "/registry/example.com/gadgets/shop/g"

// put is a version of a custom resource that says which.
func put(rev, created, version int64) *mvccpb.Event {
	const gadget = `{"apiVersion":"example.com/v1","kind":"Gadget",
		"metadata":{"name":"g","namespace":"shop","uid":"u%d"},"spec":{"at":%d}}`
	return &mvccpb.Event{Kv: &mvccpb.KeyValue{
		Key: []byte(gadgetKey), Value: fmt.Appendf(nil, gadget, created, rev),
		CreateRevision: created, ModRevision: rev, Version: version,
	}}
}

func remove(rev int64) *mvccpb.Event {
	return &mvccpb.Event{Type: removal, Kv: &mvccpb.KeyValue{Key: []byte(gadgetKey), ModRevision: rev}}
}

func newDecoder(t *testing.T) *storage.Decoder {
	t.Helper()
	d, err := storage.NewDecoder(storage.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

// told is a history in short: for each version its revision, what it is, and how often the object was written.
func told(t *testing.T, w written) (lines []string) {
	t.Helper()
	for v, err := range Of(t.Context(), newDecoder(t), w, gadgetKey) {
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, fmt.Sprintf("%d %s %d", v.Revision, v.Step, v.Writes))
		if v.Step == Deleted {
			if *v != (Version{Revision: v.Revision, Step: Deleted}) {
				t.Errorf("a deletion is %+v", *v)
			}
			continue
		}
		if v.Err != nil || !strings.Contains(string(v.Object.YAML), fmt.Sprintf("at: %d\n", v.Revision)) ||
			v.Object.ResourceVersion != fmt.Sprint(v.Revision) || v.Meta.UID != v.Object.UID || v.Size == 0 {
			t.Errorf("revision %d is %+v", v.Revision, *v)
		}
	}
	return lines
}

func TestHistory(t *testing.T) {
	all := []*mvccpb.Event{put(10, 10, 1), put(20, 10, 2), put(30, 10, 3), remove(40), put(50, 50, 1), put(60, 50, 2)}
	other := put(55, 55, 1)
	other.Kv.Key = append(other.Kv.Key, "-2"...)
	const first, again = "10 created 1, 20 changed 2, ", "30 changed 3, 40 deleted 0, 50 created again 1, 60 changed 2"
	for name, c := range map[string]struct {
		w    written
		want string
	}{
		"all of it":                 {written{events: all}, first + again},
		"the beginning is gone":     {written{events: all[1:], compacted: 25}, "20 oldest 2, " + again},
		"not yet taken":             {written{events: all, compacted: 25}, "20 oldest 2, " + again},
		"compacted at a version":    {written{events: all[2:], compacted: 30}, strings.Replace(again, "changed", "oldest", 1)},
		"compacted at the deletion": {written{events: all[3:], compacted: 40}, "50 created 1, 60 changed 2"},
		"deleted before":            {written{events: all, compacted: 45}, "50 created 1, 60 changed 2"},
		"never changed since":       {written{events: all[:1], compacted: 25}, "10 created 1"},
		"nothing but the oldest":    {written{events: all[5:], compacted: 90}, "60 oldest 2"},
		"deleted at last":           {written{events: all[:4], compacted: 15}, first + "30 changed 3, 40 deleted 0"},
		"nothing left":              {written{events: all[:4], compacted: 50}, ""},
		"never there":               {written{}, ""},
		"beside another":            {written{events: []*mvccpb.Event{all[4], other, all[5]}}, "50 created 1, 60 changed 2"},
	} {
		if got := strings.Join(told(t, c.w), ", "); got != c.want {
			t.Errorf("%s: %s\nwant %s", name, got, c.want)
		}
	}
}

// What can't be decoded is told, but for the object, and so is what comes after it.
func TestHistoryOfWhatCannotBeDecoded(t *testing.T) {
	encrypted, damaged := put(20, 10, 2), put(30, 10, 3)
	encrypted.Kv.Value = []byte("k8s:enc:aescbc:v1:key1:xxxx")
	damaged.Kv.Value = damaged.Kv.Value[:20]
	want := []error{nil, storage.ErrEncrypted, storage.ErrDamaged, nil}
	i := 0
	w := written{events: []*mvccpb.Event{put(10, 10, 1), encrypted, damaged, put(40, 10, 4)}}
	for v, err := range Of(t.Context(), newDecoder(t), w, gadgetKey) {
		if err != nil {
			t.Fatal(err)
		}
		if !errors.Is(v.Err, want[i]) || (v.Object == nil) != (want[i] != nil) || v.Writes != int64(i+1) || v.Size == 0 {
			t.Errorf("number %d is %+v", i, *v)
		}
		if i == 1 && (v.Meta.Encoding != storage.Encrypted || v.Meta.Cipher != `aescbc with key "key1"`) {
			t.Errorf("what is encrypted says %+v", v.Meta)
		}
		i++
	}
	if i != len(want) {
		t.Errorf("%d versions, want %d", i, len(want))
	}
}

func TestHistoryEnds(t *testing.T) {
	w := written{events: []*mvccpb.Event{put(10, 10, 1), put(20, 10, 2)}, err: errors.New("disk on fire")}
	n := 0
	var last error
	for v, err := range Of(t.Context(), newDecoder(t), w, gadgetKey) {
		if n++; v == nil {
			last = err
		}
	}
	if n != 3 || !errors.Is(last, w.err) || !strings.Contains(last.Error(), gadgetKey) {
		t.Errorf("%d results, the last %v: want two versions and the error", n, last)
	}
	n = 0
	for range Of(t.Context(), newDecoder(t), w, gadgetKey) {
		n++
		break
	}
	if n != 1 {
		t.Errorf("it went on after the first")
	}
}
