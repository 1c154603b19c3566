package api

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
)

// Until looks at one object, and at what becomes of it, until done says so or ctx ends. It gives done nil for an object that is
// not there, which Watch can't tell. An error of done ends it. A server that can't be reached at first is an error; later on it
// is waited for, as long as ctx lasts.
func Until[T any](
	ctx context.Context, in dynamic.Interface, at schema.GroupVersionResource, namespace, name string,
	done func(*T) (bool, error),
) error {
	u := until[T]{in: in.Resource(at).Namespace(namespace), name: name, done: done, pause: firstPause}
	if err := u.run(ctx); err != nil {
		return fmt.Errorf("wait for %s %s: %w", at.Resource, name, err)
	}
	return nil
}

type until[T any] struct {
	in   dynamic.ResourceInterface
	name string
	done func(*T) (bool, error)

	answered bool // the server has, once
	pause    time.Duration
}

func (u *until[T]) run(ctx context.Context) error {
	for {
		over, err := u.look(ctx)
		switch {
		case over:
			return err
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil && (!u.answered || final(err)):
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(u.pause):
			u.pause = min(2*u.pause, lastPause)
		}
	}
}

// look reads the object, and follows it as long as the server lets it. over is that done has said so, or has failed.
func (u *until[T]) look(ctx context.Context) (over bool, err error) {
	now, err := u.in.Get(ctx, u.name, metav1.GetOptions{})
	version := "" // of what is not there: a watch that begins with what is there by then
	switch {
	case apierrors.IsNotFound(err):
		over, err = u.done(nil)
	case err != nil:
		return false, err
	default:
		version = now.GetResourceVersion()
		over, err = u.say(now)
	}
	if over || err != nil {
		return true, err
	}
	u.answered = true
	events, err := u.in.Watch(ctx, metav1.ListOptions{
		FieldSelector: fields.OneTermEqualSelector("metadata.name", u.name).String(), ResourceVersion: version,
	})
	if err != nil {
		return false, err
	}
	defer events.Stop()
	for event := range events.ResultChan() {
		switch event.Type {
		case watch.Added, watch.Modified:
			object, ok := event.Object.(*unstructured.Unstructured)
			if !ok {
				return false, nil
			}
			over, err = u.say(object)
		case watch.Deleted:
			over, err = u.done(nil)
		default: // ERROR, as of a version that is too old: look again
			return false, nil
		}
		if over || err != nil {
			return true, err
		}
		u.pause = firstPause
	}
	return false, nil
}

func (u *until[T]) say(object *unstructured.Unstructured) (bool, error) {
	t, err := From[T](object)
	if err != nil {
		return false, err
	}
	return u.done(t)
}
