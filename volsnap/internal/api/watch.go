package api

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
)

// How long a watch waits after a failure: twice as long each time, until something is heard.
const (
	firstPause = 100 * time.Millisecond
	lastPause  = 5 * time.Second
)

// Watch hands each object that is there, and then each change, to each, one at a time, until that reports that it is done or
// returns an error, or ctx ends. What went is handed over once more as it was last seen, with deleted. An object may come
// twice as it is. The namespace is "" for all of them; labels and field are selectors, "" for none.
//
// A watch that breaks is resumed where it ended; where the server no longer knows that (410 Gone), the objects are listed
// again, and those that went meanwhile are told. A server that can't be reached at first is an error; later on it is waited
// for, as long as ctx lasts. What it refuses (401, 403, 404) is an error at any time.
func Watch[T any](
	ctx context.Context, in dynamic.Interface, at schema.GroupVersionResource, namespace, labels, field string,
	each func(t *T, deleted bool) (done bool, err error),
) error {
	w := &watcher[T]{
		resource: in.Resource(at).Namespace(namespace), each: each, seen: map[string]*T{}, pause: firstPause,
		opts: metav1.ListOptions{LabelSelector: labels, FieldSelector: field},
	}
	if err := w.run(ctx); err != nil && !errors.Is(err, errDone) {
		return fmt.Errorf("watch %s: %w", at.Resource, err)
	}
	return nil
}

// errDone ends a watch that has heard enough.
var errDone = errors.New("done")

// ended is an error of whoever is handed the objects, which no new try can heal.
type ended struct{ error }

func (e ended) Unwrap() error { return e.error }

// watcher is one call of Watch.
type watcher[T any] struct {
	resource dynamic.ResourceInterface
	opts     metav1.ListOptions
	each     func(*T, bool) (bool, error)
	seen     map[string]*T // by namespace and name: what was handed over and has not gone
	version  string        // where to go on; "" to list
	listed   bool          // the server has answered once
	pause    time.Duration // before the next try
	failed   error         // what the last try ended with, if nothing was heard since
}

func (w *watcher[T]) run(ctx context.Context) error {
	for {
		err := w.once(ctx)
		if ctx.Err() != nil && !errors.As(err, new(ended)) {
			return w.over(ctx)
		}
		switch {
		case errors.As(err, new(ended)):
			return errors.Unwrap(err)
		case apierrors.IsResourceExpired(err) || apierrors.IsGone(err):
			w.version = ""
		case err != nil && (!w.listed || final(err)):
			return err
		}
		w.failed = err
		select {
		case <-ctx.Done():
			return w.over(ctx)
		case <-time.After(w.pause):
			w.pause = min(2*w.pause, lastPause)
		}
	}
}

// over is why ctx ended, with what the watch was failing with until then.
func (w *watcher[T]) over(ctx context.Context) error {
	if w.failed == nil {
		return context.Cause(ctx)
	}
	return fmt.Errorf("%w, after: %w", context.Cause(ctx), w.failed)
}

// final reports whether the server refuses what is asked, so that it will do so again.
func final(err error) bool {
	return apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err) || apierrors.IsNotFound(err) ||
		apierrors.IsMethodNotSupported(err) || apierrors.IsBadRequest(err)
}

// once lists if it has to, and watches until the server ends that.
func (w *watcher[T]) once(ctx context.Context) error {
	if w.version == "" {
		if err := w.list(ctx); err != nil {
			return err
		}
		w.listed = true
	}
	opts := w.opts
	opts.ResourceVersion, opts.AllowWatchBookmarks = w.version, true
	stream, err := w.resource.Watch(ctx, opts)
	if err != nil {
		return err
	}
	defer stream.Stop()
	for event := range stream.ResultChan() {
		if err := w.take(event); err != nil {
			return err
		}
		w.pause, w.failed = firstPause, nil
	}
	return nil
}

// list hands over all objects, and then those that are not among them any more.
func (w *watcher[T]) list(ctx context.Context) error {
	version, there := "", map[string]bool{}
	for page, err := range pages(ctx, w.resource, w.opts) {
		if err != nil {
			return err
		}
		for i := range page.Items {
			there[key(&page.Items[i])] = true
			if err := w.hand(&page.Items[i], false); err != nil {
				return err
			}
		}
		version = page.GetResourceVersion()
	}
	for k, t := range w.seen {
		if there[k] {
			continue
		}
		delete(w.seen, k)
		if err := w.tell(t, true); err != nil {
			return err
		}
	}
	w.version = version
	return nil
}

// take hands over what one event is about.
func (w *watcher[T]) take(event watch.Event) error {
	if event.Type == watch.Error {
		return apierrors.FromObject(event.Object)
	}
	u, ok := event.Object.(*unstructured.Unstructured)
	if !ok {
		return fmt.Errorf("read an event: it is about a %T", event.Object)
	}
	if event.Type != watch.Bookmark {
		if err := w.hand(u, event.Type == watch.Deleted); err != nil {
			return err
		}
	}
	w.version = u.GetResourceVersion()
	return nil
}

func (w *watcher[T]) hand(u *unstructured.Unstructured, deleted bool) error {
	t, err := From[T](u)
	if err != nil {
		return ended{err}
	}
	if deleted {
		delete(w.seen, key(u))
	} else {
		w.seen[key(u)] = t
	}
	return w.tell(t, deleted)
}

func (w *watcher[T]) tell(t *T, deleted bool) error {
	done, err := w.each(t, deleted)
	if err != nil {
		return ended{err}
	}
	if done {
		return ended{errDone}
	}
	return nil
}

func key(u *unstructured.Unstructured) string { return u.GetNamespace() + "/" + u.GetName() }
