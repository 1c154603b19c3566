package prune

import (
	"context"
	"errors"
	"testing"

	"github.com/clustersnap/clustersnap/volsnap/internal/api"
)

// content is one at a version, with the handles that it has.
func content(name, version string, handles ...string) *api.Content {
	c := &api.Content{}
	c.Name, c.ResourceVersion, c.Spec.Driver = name, version, "d"
	for i, h := range handles {
		if i == 0 {
			c.Status = &api.ContentStatus{Handle: &h}
		} else {
			c.Spec.Source.Snapshot = &h
		}
	}
	return c
}

// TestSightCounts has what a watch tells: of what was there before the list, of what comes, changes and goes.
func TestSightCounts(t *testing.T) {
	s := &sight{contents: map[string]*api.Content{}, handles: map[string]int{}, changed: make(chan struct{})}
	for i, event := range []struct {
		about *api.Content
		gone  bool
		want  int // contents of the handle x
	}{
		{content("a", "9", "x"), false, 1},
		{content("a", "10", "x"), false, 1},
		{content("a", "9"), false, 1},            // of the past
		{content("a", "8", "x"), true, 1},        // of one before it that had the name
		{content("b", "11"), false, 1},           // not cut yet
		{content("b", "12", "x"), false, 2},      // cut
		{content("c", "13", "y"), false, 2},      // of another one
		{content("d", "14", "x", "x"), false, 3}, // imported: both name it
		{content("b", "15", "x"), true, 2},
		{content("b", "15", "x"), true, 2},
		{content("a", "100", "z"), false, 1},
	} {
		if done, err := s.see(event.about, event.gone); done || err != nil {
			t.Errorf("event %d: done %v, %v", i, done, err)
		}
		u := &unit{members: []*member{{content: content("a", "9", "x")}, {}}}
		if got := s.handlesFor(u)["d\x00x"]; got != event.want {
			t.Errorf("event %d: %d contents, want %d", i, got, event.want)
		}
	}
}

// TestSightReaches has a wait for a version that has come, that comes, that never will, and of a content that goes.
func TestSightReaches(t *testing.T) {
	s := &sight{
		contents: map[string]*api.Content{"a": content("a", "99")}, handles: map[string]int{}, changed: make(chan struct{}),
	}
	reach := func(version string) chan error {
		answer := make(chan error, 1)
		go func() { answer <- s.reach(t.Context(), "a", version) }()
		return answer
	}
	if err := <-reach("99"); err != nil {
		t.Error(err)
	}
	late := reach("100")
	_, _ = s.see(content("b", "101"), false) // of another one
	select {
	case err := <-late:
		t.Errorf("it has not come: %v", err)
	default:
	}
	_, _ = s.see(content("a", "102"), false)
	if err := <-late; err != nil {
		t.Error(err)
	}
	gone := reach("200")
	_, _ = s.see(content("a", "150"), true)
	if err := <-gone; err != nil {
		t.Error(err)
	}

	s.contents["a"] = content("a", "1")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.reach(ctx, "a", "2"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	s.err = errors.New("no right any more")
	if err := s.reach(t.Context(), "a", "2"); !errors.Is(err, s.err) {
		t.Errorf("got %v, want %v", err, s.err)
	}
}
