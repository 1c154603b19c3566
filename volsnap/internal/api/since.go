package api

import (
	"context"
	"errors"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
)

// Version is where a watch of all objects of a kind can begin that is to tell what changes from now on. It costs one object.
func Version(ctx context.Context, in dynamic.Interface, at schema.GroupVersionResource, namespace string) (string, error) {
	page, err := in.Resource(at).Namespace(namespace).List(ctx, metav1.ListOptions{Limit: 1})
	if err != nil {
		return "", fmt.Errorf("list %s: %w", at.Resource, notServed(at, err))
	}
	return page.GetResourceVersion(), nil
}

// WatchSince is [Watch] without what was there at version, which [Version] gave. Where the server no longer knows that version,
// all objects come, and an object that went meanwhile is told only if it was handed over before.
func WatchSince[T any](
	ctx context.Context, in dynamic.Interface, at schema.GroupVersionResource, namespace, version string,
	each func(t *T, deleted bool) (done bool, err error),
) error {
	w := &watcher[T]{
		resource: in.Resource(at).Namespace(namespace), each: each, seen: map[string]*T{}, pause: firstPause,
		version: version, listed: true, // the server has answered, when it gave the version
	}
	if err := w.run(ctx); err != nil && !errors.Is(err, errDone) {
		return fmt.Errorf("watch %s: %w", at.Resource, err)
	}
	return nil
}

// MayWatch begins a watch of all objects of a kind, and ends it at once: its error is that of a server that lets none.
func MayWatch(ctx context.Context, in dynamic.Interface, at schema.GroupVersionResource, version string) error {
	stream, err := in.Resource(at).Watch(ctx, metav1.ListOptions{ResourceVersion: version})
	if err != nil {
		return fmt.Errorf("watch %s: %w", at.Resource, err)
	}
	stream.Stop()
	return nil
}
