package informer

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/clustersnap/clustersnap/etcdsnap/restore"
)

// With a raised revision and a compacted past, kube-apiserver tells the informer that what it knows is too old. It lists anew, and
// has what the API has.
func TestInformerListsAnew(t *testing.T) {
	s := newScene(t)
	s.change(1)
	s.restore(restore.Options{})
	s.start()

	sentinel := s.create("sentinel", "new")
	if at := revision(t, sentinel.ResourceVersion); at < s.seen+1e9 {
		t.Errorf("the first write after the restore has resourceVersion %d, and the informer had seen %d", at, s.seen)
	}
	s.awaitSame()
	want := map[string]string{"kept": "1", "changed": "1", "deleted": "1", "sentinel": "new"}
	if has := texts(s.store()); !maps.Equal(has, want) {
		t.Errorf("the informer has %v, want what the snapshot has, and the sentinel: %v", has, want)
	}
	if !slices.ContainsFunc(s.door.requests(), func(r request) bool { return r.watchFrom >= s.seen && r.watchFrom < s.seen+1e9 }) {
		t.Errorf("the informer did not try to go on from %d: it was not told to list, but did so by itself", s.seen)
	}
}

// With the revision of the snapshot, the informer watches from one that is still to come. Kube-apiserver takes that for
// good, and keeps back all events up to it: the informer is never told what the restore has undone, nor of the first writes after it.
// Later events come as if nothing had been missed.
func TestInformerStaysStaleWithoutRaise(t *testing.T) {
	s := newScene(t)
	// Once etcd has passed what the informer has seen, a watch from there is too old, and all is well. What kube-apiserver
	// writes as it starts must not get as far.
	s.change(1000)
	s.restore(restore.Options{WatchesMissEvents: true})
	s.start()
	s.await("the informer watches from where it was", func() error {
		requests := s.door.requests()
		last := requests[len(requests)-1]
		if last.watchFrom < s.seen {
			return fmt.Errorf("its last request is %+v, and it has seen %d", last, s.seen)
		}
		s.seen = last.watchFrom // which a bookmark has raised
		return nil
	})
	if now := s.etcdRevision(); now >= s.seen {
		t.Fatalf("etcd is at revision %d already, and the informer at %d: it can't miss anything", now, s.seen)
	}
	s.create("missed", "new")
	asked := len(s.door.requests())
	s.write(s.seen)
	sentinel := s.create("sentinel", "new")
	s.await("the informer has the sentinel", func() error {
		if has := s.store()["sentinel"]; has.version != sentinel.ResourceVersion {
			return fmt.Errorf("it has %q, want %s", has.version, sentinel.ResourceVersion)
		}
		return nil
	})

	stale := map[string]string{"kept": "1", "changed": "2", "created": "2", "sentinel": "new"}
	if has := texts(s.store()); !maps.Equal(has, stale) {
		t.Errorf("the informer has %v: what is shown here is that it keeps %v", has, stale)
	}
	want := map[string]string{"kept": "1", "changed": "1", "deleted": "1", "missed": "new", "sentinel": "new"}
	if has := texts(s.list()); !maps.Equal(has, want) {
		t.Errorf("the API has %v, want %v", has, want)
	}
	if more := s.door.requests()[asked:]; len(more) > 0 {
		t.Errorf("the informer has noticed something: it has asked %+v", more)
	}
}
