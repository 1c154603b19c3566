package manifests

import (
	"context"
	"errors"
	"io"
	"time"
)

// errStalled says that the API server sent nothing for too long.
var errStalled = errors.New("the API server has sent nothing for too long")

// watch ends a request that waits for too long. It does not count while nothing is read.
type watch struct {
	timer  *time.Timer
	limit  time.Duration
	cancel context.CancelCauseFunc
}

// watched starts a wait.
func watched(ctx context.Context, limit time.Duration) (context.Context, *watch) {
	ctx, cancel := context.WithCancelCause(ctx)
	return ctx, &watch{time.AfterFunc(limit, func() { cancel(errStalled) }), limit, cancel}
}

func (w *watch) rest() { w.timer.Stop() }

func (w *watch) end() {
	w.timer.Stop()
	w.cancel(nil)
}

// cause puts why a request was ended in the place of the error that ending it made.
func (w *watch) cause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// watchedBody is the body of a response.
type watchedBody struct {
	io.ReadCloser
	ctx   context.Context
	watch *watch
}

func (b *watchedBody) Read(p []byte) (int, error) {
	b.watch.timer.Reset(b.watch.limit)
	n, err := b.ReadCloser.Read(p)
	b.watch.rest()
	if err != nil && err != io.EOF {
		err = b.watch.cause(b.ctx, err)
	}
	return n, err
}

func (b *watchedBody) Close() error {
	b.watch.end()
	return b.ReadCloser.Close()
}
