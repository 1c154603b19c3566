package etcdsnap

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"

	"go.etcd.io/etcd/api/v3/mvccpb"
)

// The types of events. Their names in mvccpb differ between etcd 3.6 and 3.8, their numbers are those of the wire.
const (
	put     = mvccpb.Event_EventType(0)
	removed = mvccpb.Event_EventType(1)
)

// Events yields what is stored of keys that begin with prefix, in every revision after one, oldest first, as a watch would
// give it: a PUT with the whole KeyValue, and a DELETE with its Key and ModRevision alone. After 0, all that is stored.
//
// A watch is refused before CompactRevision. Here what a compaction has left comes too: up to that revision, the newest PUT of
// each key that was there at the time, and whatever a compaction that has not been finished would still take.
//
// The bucket of keys is read once. Memory is needed for one value. An error, which wraps [ErrFuture] or [ErrCorrupt], or is
// ctx's cause or one of the reader's, is yielded last, with a nil Event.
func (s *Snapshot) Events(ctx context.Context, prefix string, after int64) iter.Seq2[*mvccpb.Event, error] {
	return func(yield func(*mvccpb.Event, error) bool) {
		err := s.events(ctx, []byte(prefix), after, func(e *mvccpb.Event) bool { return yield(e, nil) })
		if err != nil && !errors.Is(err, errEnough) {
			yield(nil, fmt.Errorf("read events of keys %q: %w", prefix, err))
		}
	}
}

// errEnough ends a walk whose caller has seen enough.
var errEnough = errors.New("enough")

func (s *Snapshot) events(ctx context.Context, prefix []byte, after int64, yield func(*mvccpb.Event) bool) error {
	if after > s.revision {
		return fmt.Errorf("%w: %d is after %d", ErrFuture, after, s.revision)
	}
	return s.records(ctx, func(_ place, r revision, rec record, _ []byte) error {
		if r.main <= after || len(rec.key) == 0 || !bytes.HasPrefix(rec.key, prefix) {
			return nil
		}
		e := &mvccpb.Event{Type: removed}
		if r.tombstone {
			e.Kv = &mvccpb.KeyValue{Key: bytes.Clone(rec.key), ModRevision: r.main}
		} else {
			e.Type, e.Kv = put, rec.keyValue()
		}
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if !yield(e) {
			return errEnough
		}
		return nil
	})
}
