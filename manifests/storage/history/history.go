package history

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/storage"
)

// Events is all that etcd still has of its keys: a *etcdsnap.Snapshot is that.
type Events interface {
	// Events yields what is stored of keys that begin with prefix, oldest first, as a watch would give it.
	Events(ctx context.Context, prefix string, after int64) iter.Seq2[*mvccpb.Event, error]
	// CompactRevision is the revision up to which only the newest of each key is kept.
	CompactRevision() int64
}

// Step is what became of an object at a revision.
type Step string

const (
	Created   Step = "created"
	Changed   Step = "changed"
	Deleted   Step = "deleted"
	Recreated Step = "created again" // after a deletion that is still stored
	Oldest    Step = "oldest"        // what was written before it, at least the creation, has been compacted
)

// Version is one of an object's history.
type Version struct {
	// Revision is when it was written: the resource version that the API server gave for it.
	Revision int64
	Step     Step
	// Writes counts those of this object up to this one, its creation included, also those that are compacted. It is 0 if Deleted.
	Writes int64
	// Size is what etcd keeps of it, in bytes, and Meta what that tells. Both are zero if Deleted.
	Size int
	Meta storage.Meta
	// Object is the object at the revision, and Err why there is none: see [storage.Decoder.Object]. With a
	// [*storage.LossyError] there are both, and if Deleted neither.
	Object *manifests.Object
	Err    error
}

// Of yields what is stored of one object, oldest first. Key is its key in etcd, see [storage.EtcdKey]: the object need not be
// there any more.
//
// It goes back as far as etcd is compacted: every five minutes kube-apiserver has it forget what is older than five
// (--etcd-compaction-interval). Of what was before, the version of that time is the first that is yielded, as Oldest unless
// it was never changed, if the object was there then. Whether there had been another of its name nobody can tell.
//
// Memory is needed for one version. An error, of the reader or of ctx, is yielded last, with a nil Version. A version that
// can't be decoded is no error: all but its Object is told.
func Of(ctx context.Context, d *storage.Decoder, from Events, key string) iter.Seq2[*Version, error] {
	return func(yield func(*Version, error) bool) {
		h := history{decoder: d, compacted: from.CompactRevision()}
		for e, err := range from.Events(ctx, key, 0) {
			if err != nil {
				yield(nil, fmt.Errorf("read history of %.1024q: %w", key, err))
				return
			}
			if string(e.Kv.Key) != key {
				continue // it begins with the key, and goes on
			}
			for _, v := range h.take(e) {
				if !yield(v, nil) {
					return
				}
			}
		}
		if v := h.first(); v != nil {
			yield(v, nil)
		}
	}
}

// removal is the type of events that mvccpb has another name for in etcd 3.6 than in 3.8.
const removal = mvccpb.Event_EventType(1)

// history is what has been seen of one.
type history struct {
	decoder   *storage.Decoder
	compacted int64
	kept      *mvccpb.KeyValue // the newest one up to the compaction, until it is told
	deleted   bool             // a deletion was told
}

// take gives the versions that an event leads to: none while there may be a newer one that a compaction would keep instead.
func (h *history) take(e *mvccpb.Event) (told []*Version) {
	removed := e.Type == removal
	if e.Kv.ModRevision <= h.compacted {
		if h.kept = e.Kv; removed {
			h.kept = nil
		}
		return nil
	}
	if v := h.first(); v != nil {
		told = append(told, v)
	}
	if removed {
		h.deleted = true
		return append(told, &Version{Revision: e.Kv.ModRevision, Step: Deleted})
	}
	return append(told, h.version(e.Kv))
}

// first gives what a compaction has kept, once.
func (h *history) first() *Version {
	if h.kept == nil {
		return nil
	}
	kv := h.kept
	h.kept = nil
	v := h.version(kv)
	if kv.Version > 1 {
		v.Step = Oldest
	}
	return v
}

func (h *history) version(kv *mvccpb.KeyValue) *Version {
	v := &Version{Revision: kv.ModRevision, Step: Changed, Writes: kv.Version, Size: len(kv.Value)}
	switch {
	case kv.Version == 1 && h.deleted:
		v.Step = Recreated
	case kv.Version == 1:
		v.Step = Created
	}
	v.Meta, _ = storage.ReadMeta(kv.Value) // what is wrong with it is said by Object
	v.Object, v.Err = h.decoder.Object(kv)
	if lossy := (*storage.LossyError)(nil); errors.As(v.Err, &lossy) {
		v.Object = lossy.Object
	}
	return v
}
