package diff

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"sync/atomic"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/clustersnap/clustersnap/manifests"
)

// Cluster is what Live and Dumped need of a cluster. *manifests.Cluster is one.
type Cluster interface {
	// Versions gives the entries of all objects, without their content.
	Versions(ctx context.Context, opts manifests.Options) ([]manifests.Entry, *manifests.Report, error)
	// Dump hands on all objects.
	Dump(ctx context.Context, to manifests.Receiver, opts manifests.Options) (*manifests.Report, error)
	// Get gives one object as it is now.
	Get(ctx context.Context, key manifests.Key, level manifests.Level) (*manifests.Object, error)
	// GetAs gives one object as it is now in a version of its kind.
	GetAs(ctx context.Context, apiVersion, kind, namespace, name string, level manifests.Level) (*manifests.Object, error)
}

// Live is a side of the objects of a cluster as they are now. Only metadata is listed: an object itself is read if it has
// moved. The Level of the options has to be that of the other side; their other fields limit what is seen, and what this
// side does not look at is not told as absent from it. Of a selected namespace that is not there, all is absent.
func Live(c Cluster, opts manifests.Options) Observed {
	return &live{cluster: c, opts: opts, list: func(
		ctx context.Context, opts manifests.Options,
	) ([]manifests.Entry, *manifests.Report, error) {
		classes := opts.Classes
		opts.Classes = nil // metadata does not tell all of them
		all, report, err := c.Versions(ctx, opts)
		if err != nil || len(classes) == 0 {
			return all, report, err
		}
		all = slices.DeleteFunc(all, func(e manifests.Entry) bool {
			return !slices.Contains(classes, e.Class) && !slices.Contains(classes, e.OtherClass())
		})
		report.Selection.Classes, report.Objects = classes, len(all)
		return all, report, nil
	}}
}

// Dumped is Live for another side that knows no uids and resource versions, as a tree that comes from git: it takes the hash
// of each object from a dump, which costs more than a list of metadata and less than to read the objects one by one. They
// are not kept.
func Dumped(c Cluster, opts manifests.Options) Observed {
	return &live{cluster: c, opts: opts, list: func(
		ctx context.Context, opts manifests.Options,
	) ([]manifests.Entry, *manifests.Report, error) {
		var all hashes
		report, err := c.Dump(ctx, &all, opts)
		return all.entries, report, err
	}}
}

// hashes takes the entries of a dump.
type hashes struct{ entries []manifests.Entry }

// Begin implements [manifests.Receiver].
func (h *hashes) Begin(manifests.Instant) error {
	h.entries = h.entries[:0]
	return nil
}

// Object implements [manifests.Receiver].
func (h *hashes) Object(o *manifests.Object) error {
	h.entries = append(h.entries, o.Entry)
	return nil
}

type live struct {
	cluster Cluster
	opts    manifests.Options
	list    func(context.Context, manifests.Options) ([]manifests.Entry, *manifests.Report, error)
	report  atomic.Pointer[manifests.Report] // of the last list
}

// Entries implements [Side].
func (l *live) Entries(ctx context.Context) iter.Seq2[manifests.Entry, error] {
	return func(yield func(manifests.Entry, error) bool) {
		list, err := l.entries(ctx)
		if err != nil {
			yield(manifests.Entry{}, err)
			return
		}
		for _, e := range list {
			if !yield(e, nil) {
				return
			}
		}
	}
}

func (l *live) entries(ctx context.Context) ([]manifests.Entry, error) {
	list, report, err := l.list(ctx, l.opts)
	if apierrors.IsNotFound(err) && len(l.opts.Namespaces) > 0 {
		list, report, err = l.listRest(ctx, err)
	}
	if err != nil {
		return nil, err
	}
	l.report.Store(report)
	return list, nil
}

// listRest lists the selected namespaces without those that are gone, one of which err says is not found.
func (l *live) listRest(ctx context.Context, err error) (list []manifests.Entry, report *manifests.Report, _ error) {
	var there, gone []string
	for _, name := range l.opts.Namespaces {
		_, lost := l.cluster.Get(ctx, manifests.Key{Resource: "namespaces", Name: name}, l.opts.Level)
		if ctx.Err() != nil {
			return nil, nil, context.Cause(ctx)
		}
		if apierrors.IsNotFound(lost) {
			gone = append(gone, name)
		} else {
			there = append(there, name)
		}
	}
	if len(gone) == 0 {
		return nil, nil, err
	}
	report = &manifests.Report{Selection: manifests.Selection{
		Level: l.opts.Level, LabelSelector: l.opts.LabelSelector, Classes: l.opts.Classes,
	}}
	if len(there) > 0 { // without any, all namespaces would be listed
		opts := l.opts
		opts.Namespaces = there
		if list, report, err = l.list(ctx, opts); err != nil {
			return nil, nil, err
		}
	}
	for _, name := range gone {
		report.Outcomes = append(report.Outcomes, manifests.Outcome{
			Resource: manifests.Resource{Resource: everything}, Namespace: name, State: manifests.Listed,
			Why: "there is no such namespace",
		})
	}
	return list, report, nil
}

// Seen says what Entries has looked at. A selected namespace that is not there has an outcome with "*" as its resource.
func (l *live) Seen() *manifests.Report { return l.report.Load() }

// Object implements [Side].
func (l *live) Object(ctx context.Context, e manifests.Entry) ([]byte, error) {
	text, _, err := l.Classified(ctx, e)
	return text, err
}

// Classified gives an object with its class: that a pod or a job has ended does not stand in metadata.
func (l *live) Classified(ctx context.Context, e manifests.Entry) ([]byte, manifests.Class, error) {
	o, err := l.cluster.Get(ctx, e.Key, l.opts.Level)
	if apierrors.IsNotFound(err) {
		return nil, "", fmt.Errorf("%w: %w", ErrGone, err)
	}
	if err != nil {
		return nil, "", err
	}
	return o.YAML, o.Class, nil
}

// InVersion gives an object as the server has it in another version.
func (l *live) InVersion(ctx context.Context, e manifests.Entry, apiVersion string) ([]byte, error) {
	o, err := l.cluster.GetAs(ctx, apiVersion, e.Kind, e.Namespace, e.Name, l.opts.Level)
	if err != nil {
		return nil, err
	}
	return o.YAML, nil
}
