package proof

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/metadata"

	"github.com/clustersnap/clustersnap/manifests"
)

// watchSeconds is for how long the server is asked to keep a watch open. What has happened since the dump comes at once.
const watchSeconds = 10

// fresh are objects of one kind that the dump does not have and that have changed since: they are new, or the dump has
// missed them.
type fresh struct {
	of      gr
	after   int64 // the moment that the kind was dumped at
	objects map[manifests.Key]stored
}

// newer keeps an object until a watch tells since when it is there. What is not selected now was not either when the dump
// was made, unless its class is one that comes with time: of an object that has completed, or that is being deleted.
func (a *api) newer(ctx context.Context, s stored, after int64) error {
	a.moved[grOf(s.Key)] = true
	in, err := a.inSelection(ctx, s)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err == nil && !in {
		byStatus := slices.Contains(a.report.Selection.Classes, s.class)
		if !byStatus && s.class != manifests.Terminating {
			a.leaveOut(s)
			return nil
		}
		s.turned = true
	}
	of := grOf(s.Key)
	if a.fresh[of] == nil {
		a.fresh[of] = &fresh{of, after, map[manifests.Key]stored{}}
	}
	a.fresh[of].objects[s.Key] = s
	return nil
}

// watch finds out which of the newer objects were there when the dump was made.
func (a *api) watch(ctx context.Context) error {
	if len(a.fresh) == 0 {
		return nil
	}
	client, err := metadata.NewForConfig(a.config)
	if err != nil {
		return fmt.Errorf("read credentials: %w", err)
	}
	unknown := 0
	for _, of := range slices.SortedFunc(maps.Keys(a.fresh), gr.compare) {
		for _, o := range a.now.outcomes[of] {
			if err := a.watchOne(ctx, client, o, a.fresh[of]); err != nil {
				return err
			}
		}
		unknown += len(a.fresh[of].objects)
		for _, s := range a.fresh[of].objects {
			f := s.finding(Unchecked)
			f.Why = fmt.Sprintf("it was created after the dump at %d, or changed since and missed by it", a.fresh[of].after)
			a.ledger.add(f)
		}
	}
	if unknown > 0 {
		a.blind = append(a.blind, fmt.Sprintf("Of %d objects it is not known whether they were created after the dump: "+
			"the API server no longer has the history since, or may not be watched.", unknown))
	}
	return nil
}

// in is how many of the objects a list of one namespace shows, or of all if it is empty.
func (f *fresh) in(namespace string) int {
	n := 0
	for key := range f.objects {
		if namespace == "" || key.Namespace == namespace {
			n++
		}
	}
	return n
}

// watchOne watches one kind, or one namespace of it, until all of its objects are known. What the server refuses leaves
// them unknown.
func (a *api) watchOne(ctx context.Context, client metadata.Interface, o manifests.Outcome, f *fresh) error {
	seconds := int64(watchSeconds)
	others := len(f.objects) - f.in(o.Namespace)
	if len(f.objects) == others || o.State != manifests.Listed {
		return nil
	}
	of := schema.GroupVersionResource{Group: o.Group, Version: o.Version, Resource: o.Resource.Resource}
	w, err := client.Resource(of).Namespace(o.Namespace).Watch(ctx, metav1.ListOptions{
		ResourceVersion: strconv.FormatInt(f.after, 10), TimeoutSeconds: &seconds, LabelSelector: a.report.Selection.LabelSelector,
	})
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return nil
	}
	defer w.Stop()
	for len(f.objects) > others {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case e, ok := <-w.ResultChan():
			object, is := e.Object.(*metav1.PartialObjectMetadata)
			if !ok || !is {
				return nil // the end, or an error that says that the history is gone
			}
			if err := a.first(ctx, e.Type, object, f); err != nil {
				return err
			}
		}
	}
	return nil
}

// first judges an object by the first that is heard of it.
func (a *api) first(ctx context.Context, what watch.EventType, o *metav1.PartialObjectMetadata, f *fresh) error {
	key := manifests.Key{Group: f.of.group, Resource: f.of.resource, Namespace: o.Namespace, Name: o.Name}
	s, ok := f.objects[key]
	if !ok {
		return nil
	}
	delete(f.objects, key)
	switch {
	case what != watch.Added && s.turned:
		turned := s.finding(Unchecked)
		turned.Why = fmt.Sprintf("it was there at %d, and has changed since: "+
			"whether it was of a selected class then is not known", f.after)
		a.ledger.add(turned)
		return nil
	case what != watch.Added:
		return a.absent(ctx, s)
	}
	created := s.finding(Created)
	created.Why = fmt.Sprintf("it was created at resource version %s, after the dump at %d", o.ResourceVersion, f.after)
	a.ledger.add(created)
	return nil
}
