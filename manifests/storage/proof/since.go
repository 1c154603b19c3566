package proof

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"

	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/storage"
)

// deleted is mvccpb.DELETE, whose name differs between versions of etcd.
const deleted = mvccpb.Event_EventType(1)

// since is what has become of one key since the dump.
type since struct {
	manifests.Key
	use       storage.Use
	kind, uid string
	existed   bool  // when the dump was made
	there     bool  // at the end
	judged    bool  // with a value from when it existed
	mod       int64 // of the last event
	deletion  int64 // the revision of the last tombstone
}

// events reads what has happened since the dump.
//
// In a compacted store it also finds what was there when the dump was made and is no more: a PUT says when its object was
// created, and a DELETE without a PUT since the dump is of an object that is still stored as it was before: a compaction
// leaves the newest PUT of each key that is there.
func (j *judge) events(ctx context.Context, after func(int64) iter.Seq2[*mvccpb.Event, error]) error {
	for e, err := range after(j.instant) {
		if err == nil {
			err = context.Cause(ctx)
		}
		if err == nil && e.Kv.ModRevision > j.instant {
			err = j.event(ctx, e)
		}
		if err != nil {
			return err
		}
	}
	if j.revision == j.instant {
		j.moved()
		return nil
	}
	return j.orphans(ctx, after)
}

func (j *judge) event(ctx context.Context, e *mvccpb.Event) error {
	key := string(e.Kv.Key)
	was := j.since[key]
	if was == nil {
		was = &since{existed: e.Type == deleted || e.Kv.CreateRevision <= j.instant}
		j.since[key] = was
	}
	was.mod, was.there = e.Kv.ModRevision, e.Type != deleted
	if e.Type == deleted {
		was.deletion = e.Kv.ModRevision
		if was.use == "" {
			place := storage.Locate(e.Kv.Key, j.opts.Prefix)
			was.use, was.Key = place.Use, place.Key
		}
		return nil
	}
	s := j.read(e.Kv)
	was.use, was.Key, was.kind, was.uid = s.use, s.Key, s.kind, s.uid
	if j.revision > j.instant && e.Kv.CreateRevision <= j.instant {
		return j.existed(ctx, s, was)
	}
	return nil
}

// existed judges an object that was there when the dump was made.
func (j *judge) existed(ctx context.Context, s stored, was *since) error {
	object := s.use == storage.Object || s.use == storage.Unknown
	if was.judged || !object || j.missed[string(s.kv.Key)] || j.dumped.find(s) != nil {
		was.judged = true
		return nil
	}
	was.judged = true
	return j.absent(ctx, s)
}

// orphans judges what was deleted and has no other event since the dump, by what is stored of it from before. If that is
// nothing, the object may be one that came and went: a compaction leaves tombstones of its own revision.
func (j *judge) orphans(ctx context.Context, after func(int64) iter.Seq2[*mvccpb.Event, error]) error {
	before := map[string]*mvccpb.KeyValue{}
	for key, was := range j.since {
		if was.existed && !was.judged {
			before[key] = nil
		}
	}
	if len(before) == 0 {
		return nil
	}
	for e, err := range after(0) {
		if err == nil {
			err = context.Cause(ctx)
		}
		if err != nil {
			return err
		}
		if e.Kv.ModRevision > j.instant {
			break
		}
		key := string(e.Kv.Key)
		if _, ok := before[key]; !ok {
			continue
		}
		before[key] = e.Kv
		if e.Type == deleted {
			before[key] = nil
		}
	}
	for _, key := range slices.Sorted(maps.Keys(before)) {
		if before[key] == nil {
			continue
		}
		if err := j.existed(ctx, j.read(before[key]), j.since[key]); err != nil {
			return err
		}
	}
	return nil
}

// moved says what has happened since an Exact dump. What changes all the time, as Leases do, is counted and not named.
func (j *judge) moved() {
	for _, key := range slices.Sorted(maps.Keys(j.since)) {
		was := j.since[key]
		if was.use != storage.Object && was.use != storage.Unknown {
			continue
		}
		f := Finding{Key: was.Key, ObjectKind: was.kind, UID: was.uid, EtcdKey: key, ModRevision: was.mod}
		switch {
		case was.existed && was.there:
			f.Is, f.Why = Changed, fmt.Sprintf("changed after the dump at %d", j.instant)
			j.ledger.tally(f.alike())
		case was.existed:
			f.Is, f.Why = Deleted, fmt.Sprintf("it was deleted at revision %d, after the dump at %d", was.deletion, j.instant)
			if r := j.dumped.at(was.Key); r != nil {
				f.UID = r.uid
			}
			j.ledger.add(f)
		case was.there:
			f.Is, f.Why = Created, fmt.Sprintf("it was created after the dump at %d", j.instant)
			j.ledger.add(f)
		}
	}
}

// deletion is the revision at which the key of an object was deleted, or 0 if that is not known.
func (j *judge) deletion(k manifests.Key) int64 {
	if j.tombs == nil {
		j.tombs = map[manifests.Key]int64{}
		for _, was := range j.since {
			if !was.there {
				j.tombs[was.Key] = was.deletion
			}
		}
	}
	return j.tombs[k]
}
