package store

import (
	"context"
	"errors"
	"sync"
	"time"
)

// guard ends a context when nothing has moved for a while: a server that has died without a word would be waited for for ever.
type guard struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	stall  time.Duration

	mu    sync.Mutex
	timer *time.Timer
	rests bool
	made  []string // the ids of the multipart uploads that were begun
}

type guardKey struct{}

func watch(ctx context.Context, stall time.Duration) (context.Context, *guard) {
	g := &guard{stall: stall}
	ctx, g.cancel = context.WithCancelCause(ctx)
	g.timer = time.AfterFunc(stall, func() { g.cancel(ErrStalled) })
	g.ctx = context.WithValue(ctx, guardKey{}, g)
	return g.ctx, g
}

// guardOf is the guard of a context, or nil.
func guardOf(ctx context.Context) *guard {
	g, _ := ctx.Value(guardKey{}).(*guard)
	return g
}

// moved says that the store is alive, and is waited for.
func (g *guard) moved() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.rests = false
	g.timer.Reset(g.stall)
}

// sent says that some bytes of a request have gone out, which may be while nobody waits for the store.
func (g *guard) sent() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.rests {
		g.timer.Reset(g.stall)
	}
}

// rest says that it is not the store that is waited for.
func (g *guard) rest() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.rests = true
	g.timer.Stop()
}

// begun notes a multipart upload.
func (g *guard) begun(id string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.made = append(g.made, id)
}

// uploads are the multipart uploads that were begun under the guard.
func (g *guard) uploads() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.made
}

// end ends the context.
func (g *guard) end() {
	g.rest()
	g.cancel(nil)
}

// why is the reason for an error: that the guard has ended the work is no error of the server, and neither is that nobody could
// be asked.
func (g *guard) why(err error) error {
	if err != nil && errors.Is(context.Cause(g.ctx), ErrStalled) {
		return ErrStalled
	}
	if none := (credentialsError{}); errors.As(err, &none) {
		return none
	}
	return short(err)
}
