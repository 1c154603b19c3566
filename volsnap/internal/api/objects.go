package api

import (
	"context"
	"fmt"
	"iter"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
)

// pageSize bounds what one answer to a list has.
const pageSize = 500

// From makes a type of this package, or of k8s.io/api, of an object.
func From[T any](u *unstructured.Unstructured) (*T, error) {
	var t T
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, &t); err != nil {
		return nil, fmt.Errorf("read %s %s: %w", u.GetKind(), u.GetName(), err)
	}
	return &t, nil
}

// To is the way back, for an object that is to be created.
func To(object any, at schema.GroupVersionResource, kind string) (*unstructured.Unstructured, error) {
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", kind, err)
	}
	u := &unstructured.Unstructured{Object: fields}
	u.SetAPIVersion(at.GroupVersion().String())
	u.SetKind(kind)
	return u, nil
}

// Get reads one object. The namespace is "" for what has none.
func Get[T any](ctx context.Context, in dynamic.Interface, at schema.GroupVersionResource, namespace, name string) (*T, error) {
	u, err := in.Resource(at).Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, fmt.Errorf("get %s %s: %w", at.Resource, name, notServed(at, err))
	}
	return From[T](u)
}

// List yields all objects, page by page. The namespace is "" for all of them.
func List[T any](
	ctx context.Context, in dynamic.Interface, at schema.GroupVersionResource, namespace, labels string,
) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		for page, err := range pages(ctx, in.Resource(at).Namespace(namespace), metav1.ListOptions{LabelSelector: labels}) {
			if err != nil {
				yield(nil, fmt.Errorf("list %s: %w", at.Resource, notServed(at, err)))
				return
			}
			for i := range page.Items {
				if t, err := From[T](&page.Items[i]); !yield(t, err) || err != nil {
					return
				}
			}
		}
	}
}

// pages yields a list in pages. One that takes so long that the server forgets where it was (410 Gone) is asked for once more,
// whole, and what was yielded of it already is left out.
func pages(
	ctx context.Context, in dynamic.ResourceInterface, opts metav1.ListOptions,
) iter.Seq2[*unstructured.UnstructuredList, error] {
	return func(yield func(*unstructured.UnstructuredList, error) bool) {
		opts.Limit = pageSize
		seen := map[types.UID]bool{}
		for {
			page, err := in.List(ctx, opts)
			if apierrors.IsResourceExpired(err) && opts.Continue != "" {
				opts.Continue, opts.Limit = "", 0
				continue
			}
			if err != nil {
				yield(nil, err)
				return
			}
			page.Items = slices.DeleteFunc(page.Items, func(u unstructured.Unstructured) bool { return seen[u.GetUID()] })
			if !yield(page, nil) {
				return
			}
			if opts.Continue = page.GetContinue(); opts.Continue == "" {
				return
			}
			for i := range page.Items {
				seen[page.Items[i].GetUID()] = true
			}
		}
	}
}
