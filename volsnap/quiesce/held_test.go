package quiesce

import (
	"context"
	"errors"
	"slices"
	"testing"
)

// TestHeld has several users of one file system, some of which find it frozen, and none that finds it half thawed.
func TestHeld(t *testing.T) {
	var did []string
	start := func(context.Context) (func(context.Context) error, error) {
		did = append(did, "freeze")
		return once(func(context.Context) error {
			did = append(did, "thaw")
			return errors.New("thawed early")
		}), nil
	}
	h := held{systems: map[string]*system{}}
	hold := func(key string) func(context.Context) error {
		t.Helper()
		release, err := h.hold(t.Context(), key, start)
		if err != nil {
			t.Fatal(err)
		}
		return release
	}
	holds := func(want ...string) {
		t.Helper()
		if !slices.Equal(did, want) {
			t.Fatalf("did %q, want %q", did, want)
		}
	}

	first, second := hold("a"), hold("a")
	holds("freeze")
	if err := errors.Join(first(t.Context()), first(t.Context())); err != nil { // twice is once
		t.Errorf("the first one to let go: %v", err)
	}
	holds("freeze")
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if err := second(cancelled); err == nil {
		t.Error("that it was thawed early is not told")
	}
	holds("freeze", "thaw")

	again, other := hold("a"), hold("b") // as if it had never been frozen, and each by itself
	holds("freeze", "thaw", "freeze", "freeze")
	_, _ = again(t.Context()), other(t.Context())
	holds("freeze", "thaw", "freeze", "freeze", "thaw", "thaw")
}

// TestHeldFails has a freeze that fails: the next one tries again, and nobody waits for it.
func TestHeldFails(t *testing.T) {
	h := held{systems: map[string]*system{}}
	bad := errors.New("bad")
	tries := 0
	for range 2 {
		_, err := h.hold(t.Context(), "a", func(context.Context) (func(context.Context) error, error) {
			tries++
			return nil, bad
		})
		if !errors.Is(err, bad) {
			t.Errorf("got %v, want %v", err, bad)
		}
	}
	if tries != 2 {
		t.Errorf("tried %d times, want twice", tries)
	}

	// While one freezes, another one that is to end ends.
	ctx, cancel := context.WithCancel(t.Context())
	_, err := h.hold(t.Context(), "a", func(context.Context) (func(context.Context) error, error) {
		cancel()
		_, err := h.hold(ctx, "a", nil)
		return nil, err
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}
