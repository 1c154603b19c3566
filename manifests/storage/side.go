package storage

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"iter"
	"sync/atomic"

	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/clustersnap/clustersnap/manifests"
)

// View is all keys at one revision, each to be read again: a *etcdsnap.View is one.
type View interface {
	Keys(ctx context.Context) iter.Seq2[*mvccpb.KeyValue, error]
	Get(ctx context.Context, key string) (*mvccpb.KeyValue, error)
	Revision() int64
}

// Side is the objects of a view, as package manifests/diff compares them with those of another snapshot, of a tree or of a
// cluster. What can't be decoded is there too, as its key tells: it is found equal if its bytes are, and else its Object is an error.
type Side struct {
	view    View
	decoder *Decoder
	entry   func(*mvccpb.KeyValue) (manifests.Entry, error)
	seen    atomic.Pointer[census]
}

// Versions is a side whose entries tell uids and resource versions: of what is equal in another view of the same cluster nothing is
// decoded. The decoder has learned the definitions, and is closed after the last use of the side.
//
// After etcd was restored from a snapshot, resource versions come again for other content: use [Hashes] then.
func Versions(v View, d *Decoder) *Side { return &Side{view: v, decoder: d, entry: d.Entry} }

// Hashes is Versions with the hash of each object, for which all of them are decoded: for another side that has hashes too and is
// of another cluster, or of a time before etcd was restored, or that knows no versions, as a tree from git.
func Hashes(v View, d *Decoder) *Side {
	return &Side{view: v, decoder: d, entry: func(kv *mvccpb.KeyValue) (manifests.Entry, error) {
		object, err := d.Object(kv)
		if err == nil {
			return object.Entry, nil
		}
		entry, _ := d.Entry(kv) // whose error, if it has one, is the same
		return entry, err
	}}
}

// Entries yields what an index holds of each object, in the order of their keys in etcd. Keys that are of no object are passed over;
// those that may be of one that nobody knows are in the report of Seen.
func (s *Side) Entries(ctx context.Context) iter.Seq2[manifests.Entry, error] {
	return func(yield func(manifests.Entry, error) bool) {
		c := newCensus(s.decoder, s.view.Revision())
		for kv, err := range s.view.Keys(ctx) {
			if err != nil {
				yield(manifests.Entry{}, err)
				return
			}
			entry, err := s.entry(kv)
			if errors.Is(err, ErrNotObject) {
				c.passOver(kv)
				continue
			}
			if err != nil {
				entry = unread(entry, kv)
			}
			c.count(entry, kv)
			if !yield(entry, nil) {
				return
			}
		}
		s.seen.Store(c)
	}
}

// unread is the entry of what can't be decoded. That two of them are the same is told by their bytes alone. Nobody knows its class, and
// so nobody has it left out.
func unread(e manifests.Entry, kv *mvccpb.KeyValue) manifests.Entry {
	sum := sha256.Sum256(kv.Value)
	e.Hash = "stored:" + hex.EncodeToString(sum[:]) // which no canonical form has
	if e.Class == "" {
		e.Class = manifests.User
	}
	return e
}

// Seen says what Entries has looked at, once it has come to its end.
func (s *Side) Seen() *manifests.Report {
	if c := s.seen.Load(); c != nil {
		return c.report()
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
	if c := s.seen.Load(); c != nil && c.moved[of] != "" {
		return c.moved[of]
	}
	return EtcdKey(of, s.decoder.prefix)
}
