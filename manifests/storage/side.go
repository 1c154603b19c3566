package storage

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"sync/atomic"

	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/clustersnap/clustersnap/manifests"
)

// View is all keys at one revision, or all below the prefix, each to be read again: a *etcdsnap.View is one.
type View interface {
	Keys(ctx context.Context) iter.Seq2[*mvccpb.KeyValue, error]
	Get(ctx context.Context, key string) (*mvccpb.KeyValue, error)
	Revision() int64
}

// Side is the objects of a view, as package manifests/diff compares them with those of another snapshot, of a tree or of a
// cluster. What can't be decoded is there too, as its key tells: it is found equal if its bytes are, and else its Object is
// an error.
type Side struct {
	view    View
	decoder *Decoder
	chosen  Selection
	entry   func(*worker, value, manifests.Level) (manifests.Entry, error)
	seen    atomic.Pointer[seen]
}

// seen is what Entries has come across.
type seen struct {
	report *manifests.Report
	moved  map[manifests.Key]string // where those objects are that EtcdKey does not find
}

// Versions is a side whose entries tell uids and resource versions: of what is equal in another view of the same cluster
// nothing is decoded, but for pods, jobs and default accounts whose class a selection asks for. The decoder has learned the
// definitions, and is closed after the last use of the side. Failed of the selection is not used.
//
// After etcd was restored from a snapshot, resource versions come again for other content: use [Decoder.Hashes] then.
func (d *Decoder) Versions(v View, s Selection) *Side {
	return &Side{view: v, decoder: d, chosen: s, entry: func(w *worker, v value, _ manifests.Level) (manifests.Entry, error) {
		return w.entry(v)
	}}
}

// Hashes is Versions with the hash of each object, for which all of them are decoded: for another side that has hashes too
// and is of another cluster, or of a time before etcd was restored, or that knows no versions, as a tree from git.
func (d *Decoder) Hashes(v View, s Selection) *Side {
	return &Side{view: v, decoder: d, chosen: s, entry: func(w *worker, v value, level manifests.Level) (manifests.Entry, error) {
		object, err := w.object(v, level)
		if err == nil {
			return object.Entry, nil
		}
		entry, _ := w.entry(v) // as far as that can be read
		return entry, err
	}}
}

// Entries yields what an index holds of each object that was selected, in the order of their keys, once all are read. Keys
// that are of no object are passed over; those that may be of one that nobody knows are in the report of Seen.
func (s *Side) Entries(ctx context.Context) iter.Seq2[manifests.Entry, error] {
	return func(yield func(manifests.Entry, error) bool) {
		at := manifests.Instant{ResourceVersion: strconv.FormatInt(s.view.Revision(), 10)}
		run, err := s.decoder.newDump(at, nil, s.chosen)
		if err != nil {
			yield(manifests.Entry{}, fmt.Errorf("list objects: %w", err))
			return
		}
		c := census{dump: run, entry: s.entry, moved: map[manifests.Key]string{}}
		if err = run.all(ctx, s.view.Keys(ctx), c.take); err == nil {
			err = run.whole()
		}
		if err != nil {
			yield(manifests.Entry{}, fmt.Errorf("list objects: %w", err))
			return
		}
		run.objects = len(c.entries)
		report := run.report()
		report.Outcomes = append(report.Outcomes, run.namespacesGone()...)
		slices.SortFunc(report.Outcomes, compareOutcomes)
		s.seen.Store(&seen{report, c.moved})
		slices.SortFunc(c.entries, func(x, y manifests.Entry) int { return x.Compare(y.Key) })
		for _, e := range c.entries {
			if !yield(e, nil) {
				return
			}
		}
	}
}

// census collects the entries of a side.
type census struct {
	*dump
	entry   func(*worker, value, manifests.Level) (manifests.Entry, error)
	entries []manifests.Entry
	moved   map[manifests.Key]string
}

// take keeps the entry of a key, if it is of an object that was selected, and counts it.
func (c *census) take(w *worker, kv *mvccpb.KeyValue) error {
	v, err := c.decoder.read(kv)
	use := v.place.Use
	if use != Internal && use != Outside && !c.wants(v, err) {
		return nil
	}
	var e manifests.Entry
	if err == nil {
		e, err = c.entry(w, v, c.decoder.level)
	}
	if err == nil {
		e.Class = c.classify(w, v, e)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch use {
	case Internal, Outside:
		c.tallies.other(use, kv.Key)
		return nil
	case Unknown:
		c.tallies.fail(v, kv.Key, err)
		return nil
	}
	e.Key, e.ResourceVersion = v.place.Key, v.at
	if err != nil {
		e = unread(e, kv)
	}
	c.tallies.list(v) // that it is there is known, whatever it is
	if len(c.chosen.Classes) > 0 && !slices.Contains(c.chosen.Classes, e.Class) {
		return nil
	}
	if EtcdKey(e.Key, c.decoder.prefix) != string(kv.Key) {
		c.moved[e.Key] = string(kv.Key)
	}
	c.entries = append(c.entries, e)
	return nil
}

// unread is the entry of what can't be decoded. That two of them are the same is told by their bytes alone. Nobody knows its
// class, and so nobody has it left out.
func unread(e manifests.Entry, kv *mvccpb.KeyValue) manifests.Entry {
	sum := sha256.Sum256(kv.Value)
	e.Hash = "stored:" + hex.EncodeToString(sum[:]) // which no canonical form has
	if e.Class == "" {
		e.Class = manifests.User
	}
	return e
}

// Seen says what Entries has looked at, once it has come to its end. A namespace that was selected and that no key is of, as
// one that is misspelled or gone, has an outcome with "*" as its resource: listed, without objects, and Why says so.
func (s *Side) Seen() *manifests.Report {
	if now := s.seen.Load(); now != nil {
		return now.report
	}
	return nil
}

// Object gives an object in canonical form. Its errors are those of [Decoder.Object] and of the view.
func (s *Side) Object(ctx context.Context, e manifests.Entry) ([]byte, error) {
	text, _, err := s.Classified(ctx, e)
	return text, err
}

// Classified is Object with the class: that a pod or a job has ended does not stand in its metadata.
func (s *Side) Classified(ctx context.Context, e manifests.Entry) ([]byte, manifests.Class, error) {
	kv, err := s.view.Get(ctx, s.EtcdKey(e.Key))
	if err != nil {
		return nil, "", err
	}
	object, err := s.decoder.Object(kv)
	if err != nil {
		return nil, "", err
	}
	return object.YAML, object.Class, nil
}

// EtcdKey is where the view has an object that Entries has given, or, if it has not, where one would be: see [EtcdKey].
func (s *Side) EtcdKey(of manifests.Key) string {
	if now := s.seen.Load(); now != nil && now.moved[of] != "" {
		return now.moved[of]
	}
	return EtcdKey(of, s.decoder.prefix)
}
