package quiesce

import (
	"context"
	"sync"
)

// held are the file systems that one hook has frozen. A claim that is mounted at several places of a pod, or by several pods
// of a node, is one file system: a second freeze of it would fail, and the first thaw would end it for all.
type held struct {
	mu      sync.Mutex
	systems map[string]*system
}

// system is one file system, and how many have it frozen now.
type system struct {
	turn  chan struct{} // full while somebody freezes or thaws it
	users int
	thaw  func(context.Context) error // of the one who has frozen it
}

// hold freezes a file system by start, unless it is frozen already, and gives what lets go of it: the last one thaws it.
func (h *held) hold(
	ctx context.Context, key string, start func(context.Context) (func(context.Context) error, error),
) (func(context.Context) error, error) {
	s := h.of(key)
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	defer func() { <-s.turn }()
	if s.users == 0 {
		thaw, err := start(ctx)
		if err != nil {
			return nil, err
		}
		s.thaw = thaw
	}
	s.users++
	return once(s.release), nil
}

func (h *held) of(key string) *system {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.systems[key]
	if s == nil {
		s = &system{turn: make(chan struct{}, 1)}
		h.systems[key] = s
	}
	return s
}

// release waits for no freeze: while there are users, nobody freezes.
func (s *system) release(ctx context.Context) error {
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	if s.users--; s.users > 0 {
		return nil
	}
	return s.thaw(ctx)
}
