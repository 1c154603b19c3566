package proof

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"testing"

	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/clustersnap/clustersnap/manifests"
)

// What the dump names and can't give is not saved, and what it was told to leave out is said.
func TestKept(t *testing.T) {
	w := filled(t)
	x := manifests.Entry{Key: manifests.Key{Resource: "configmaps", Namespace: "shop", Name: "x"}, ResourceVersion: "11"}
	d := Dump{Report: report(w.revision, outcomes()...), Entries: entries(append(w.dump(t, w.revision), x)),
		Kept: func(_ context.Context, e manifests.Entry) error {
			switch e.Name {
			case "a":
				return fmt.Errorf("%w: it is excluded", ErrWithheld)
			case "w", "x":
				return errors.New("its file is gone")
			}
			return nil
		}}
	p, err := Complete(t.Context(), d, w.store(w.revision), Options{})
	must(t, err)
	want(t, p, append([]string{"withheld a: its content is left out: it is excluded",
		"unsaved w: the dump names it, and can't give it: its file is gone", "unsaved x: can't give it"}, always...)...)
	if p.Matched != 2 {
		t.Errorf("%d matched", p.Matched)
	}
	d.Entries = entries(w.dump(t, w.revision))
	d.Kept = func(_ context.Context, e manifests.Entry) error {
		if e.Name == "a" {
			return ErrWithheld
		}
		return nil
	}
	if p, err = Complete(t.Context(), d, w.store(w.revision), Options{}); err != nil || !p.Complete() {
		t.Errorf("with a Secret left out on purpose: %v (%v)", p, err)
	}
}

// Nothing that can't be held against each other is.
func TestRefused(t *testing.T) {
	w := filled(t)
	all := w.dump(t, w.revision)
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		edit func(*Dump, *Store, *Options)
		is   error
	}{
		"no report":   {func(d *Dump, _ *Store, _ *Options) { d.Report = nil }, ErrNoInstant},
		"no instant":  {func(d *Dump, _ *Store, _ *Options) { d.Report.ResourceVersion = "" }, ErrNoInstant},
		"no revision": {func(d *Dump, _ *Store, _ *Options) { d.Report.ResourceVersion = "opaque" }, ErrNoInstant},
		"other cluster": {func(d *Dump, _ *Store, _ *Options) {
			other := w.dump(t, w.revision)
			entryOf(other, "kube-system").UID = "another"
			d.Entries = entries(other)
		}, ErrOtherCluster},
		"broken dump": {func(d *Dump, _ *Store, _ *Options) {
			d.Entries = func(yield func(manifests.Entry, error) bool) { yield(manifests.Entry{}, broken) }
		}, broken},
		"broken keys": {func(_ *Dump, s *Store, _ *Options) {
			s.Keys = func(yield func(*mvccpb.KeyValue, error) bool) { yield(nil, broken) }
		}, broken},
		"broken history": {func(_ *Dump, s *Store, _ *Options) {
			s.Events = func(int64) iter.Seq2[*mvccpb.Event, error] {
				return func(yield func(*mvccpb.Event, error) bool) { yield(nil, broken) }
			}
		}, broken},
		"twice":       {func(d *Dump, _ *Store, _ *Options) { d.Entries = entries(append(all, all[0])) }, nil},
		"no selector": {func(d *Dump, _ *Store, _ *Options) { d.Report.Selection.LabelSelector = "in in in" }, nil},
		"no such key": {func(_ *Dump, _ *Store, o *Options) { o.Encryption = []byte("{}") }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			d, s, o := Dump{Report: report(w.revision, outcomes()...), Entries: entries(all)}, w.store(w.revision), Options{}
			c.edit(&d, &s, &o)
			p, err := Complete(t.Context(), d, s, o)
			if err == nil || p != nil || c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("proof %v, error %v", p, err)
			}
		})
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(broken)
	d := Dump{Report: report(16, outcomes()...), Entries: entries(all)}
	if _, err := Complete(ctx, d, w.store(16), Options{}); !errors.Is(err, broken) {
		t.Errorf("error %v of a context that has ended", err)
	}
}
