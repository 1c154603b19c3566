package prune

import (
	"context"
	"sync"

	"k8s.io/client-go/dynamic"

	"github.com/clustersnap/clustersnap/volsnap/internal/api"
)

// sight is what contents there are, kept up to date by a watch for as long as a run lasts: a list for each item would cost all
// contents of the cluster each time.
type sight struct {
	mu       sync.Mutex
	contents map[string]*api.Content // by name
	handles  map[string]int          // how many contents have a driver and handle
	changed  chan struct{}           // closed and replaced at each change
	err      error                   // of a watch that has ended
}

// watch follows contents from a version on that is not later than what the scene has. stop ends it, and waits until it has.
func watch(ctx context.Context, in dynamic.Interface, from *scene) (s *sight, stop func()) {
	s = &sight{contents: from.contents, handles: from.handles, changed: make(chan struct{})}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		err := api.WatchSince(ctx, in, api.Contents, "", from.version, s.see)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.err = err
		s.tell()
	}()
	return s, func() {
		cancel()
		<-ended
	}
}

// see takes what the watch tells. It begins before what was listed, so that it tells of the past at first.
func (s *sight) see(c *api.Content, deleted bool) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	was := s.contents[c.Name]
	if was != nil && newer(was.ResourceVersion, c.ResourceVersion) {
		return false, nil
	}
	s.count(was, -1)
	if delete(s.contents, c.Name); !deleted {
		s.contents[c.Name] = c
		s.count(c, 1)
	}
	s.tell()
	return false, nil
}

func (s *sight) count(c *api.Content, by int) {
	if c == nil {
		return
	}
	for _, h := range handlesOf(c) {
		s.handles[h] += by
	}
}

func (s *sight) tell() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// reach waits until a content is seen at a version, or gone: so is by then what others have written of contents before that, as
// a server tells changes in their order.
func (s *sight) reach(ctx context.Context, name, version string) error {
	for {
		s.mu.Lock()
		now, changed, err := s.contents[name], s.changed, s.err
		s.mu.Unlock()
		switch {
		case now == nil || !newer(version, now.ResourceVersion):
			return nil
		case err != nil:
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// handlesFor are the counts of the handles of a unit.
func (s *sight) handlesFor(u *unit) map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	counts := map[string]int{}
	for _, m := range u.members {
		if m.content == nil {
			continue
		}
		for _, h := range handlesOf(m.content) {
			counts[h] = s.handles[h]
		}
	}
	return counts
}

// newer reports whether a version is later than another one. They are decimal numbers without leading zeros (KEP 5504).
func newer(a, b string) bool {
	return len(a) > len(b) || len(a) == len(b) && a > b
}
