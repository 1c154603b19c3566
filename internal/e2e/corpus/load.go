package corpus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
)

// Object is one object that is in a cluster.
type Object struct {
	Resource  schema.GroupVersionResource // at the version it was written at
	Namespace string
	Name      string
}

// loader has what all the steps need.
type loader struct {
	client    dynamic.Interface
	discovery discovery.DiscoveryInterface
	served    map[schema.GroupVersionKind]kind
}

// kind is what discovery says of one.
type kind struct {
	resource   schema.GroupVersionResource
	namespaced bool
	status     bool // it has the subresource
}

func newLoader(config *rest.Config) (*loader, error) {
	config = rest.CopyConfig(config)
	config.QPS, config.WarningHandler = -1, rest.NoWarnings{}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	disco, err := discovery.NewDiscoveryClientForConfig(config)
	return &loader{client, disco, make(map[schema.GroupVersionKind]kind)}, err
}

// Load puts the corpus into a cluster that has none of it, and gives the objects that can be read there, in the order in
// which they were made.
func Load(ctx context.Context, config *rest.Config) ([]Object, error) {
	l, err := newLoader(config)
	if err != nil {
		return nil, fmt.Errorf("load corpus: %w", err)
	}
	made, err := l.load(ctx)
	if err != nil {
		return nil, fmt.Errorf("load corpus: %w", err)
	}
	return made, nil
}

func (l *loader) load(ctx context.Context) ([]Object, error) {
	var all []Object
	for _, name := range order() {
		objects, err := read(name)
		if err != nil {
			return nil, err
		}
		made, err := l.create(ctx, objects)
		if err != nil {
			return nil, err
		}
		switch name {
		case hidden:
			made = made[:1] // the definition: nobody can read the other now
			err = l.stopServing(ctx, made[0])
		case terminating:
			err = l.delete(ctx, made)
		}
		if err != nil {
			return nil, err
		}
		all = append(all, made...)
	}
	made, err := l.create(ctx, large())
	if err != nil {
		return nil, err
	}
	all = append(all, made...)
	if err := l.finish(ctx, "corpus", "finished"); err != nil {
		return nil, err
	}
	return all, l.settle(ctx, all)
}

// Create creates objects in the order given, each once what it needs is there, and gives their keys. A status is written,
// too, where that takes a second request. Owners without a uid are found by kind and name.
func Create(ctx context.Context, config *rest.Config, objects []*unstructured.Unstructured) ([]Object, error) {
	l, err := newLoader(config)
	if err != nil {
		return nil, fmt.Errorf("create objects: %w", err)
	}
	return l.create(ctx, objects)
}

// Settle waits until the controllers have done what they do once to objects such as these.
func Settle(ctx context.Context, config *rest.Config, objects []Object) error {
	l, err := newLoader(config)
	if err != nil {
		return fmt.Errorf("settle objects: %w", err)
	}
	return l.settle(ctx, objects)
}

// patience is how long an object may need for what it needs to be there: a definition that is served, an account.
const patience = time.Minute

// notYet is the error of what may be good a moment later.
type notYet struct{ error }

// until calls try until it does not say notYet. When that takes too long, the error has what it said last.
func until(ctx context.Context, try func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := try(ctx)
		if !errors.As(err, new(notYet)) {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return errors.Join(err, context.Cause(ctx))
		}
	}
}
