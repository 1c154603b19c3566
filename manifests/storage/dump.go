package storage

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"slices"
	"sync"

	"go.etcd.io/etcd/api/v3/mvccpb"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/clustersnap/clustersnap/manifests"
)

// Selection narrows what a dump hands on. The zero value is everything.
type Selection struct {
	// Exclude says which resources are left out. Nil leaves out none. Of a value that can't be read the kind and the version
	// are not known. It is never called at once, nor while the receiver is.
	Exclude func(manifests.Resource) bool
	// Namespaces limits the dump to these. What belongs to no namespace is then excluded, the namespaces themselves as well.
	Namespaces []string
	// LabelSelector limits the dump to objects whose labels match, in the syntax of kubectl get -l.
	LabelSelector string
	// Classes limits what is handed on. Empty is all.
	Classes []manifests.Class
	// Failed, if not nil, is told of each key that was selected, is not the API server's own, and that no object could be made
	// of, and why: the errors are those of [Decoder.Object]. It is never called at once, nor while the receiver is.
	Failed func(kv *mvccpb.KeyValue, err error)
}

// Dump hands the objects of a snapshot to a receiver, and reports what it saw, as [manifests.Cluster.Dump] does of a live
// cluster. At is the moment that the keys are of: ResourceVersion is their revision, ServerVersion whatever the caller knows.
//
// The keys are ranged over once, in any order, each of them once. They are all that there are below the prefix: a selection
// narrows what is dumped. Those of a longer prefix are an error, or the report would say of all others that there are none.
// [Decoder.Learn] belongs before: custom resources whose definition comes among the keys and was not learned are
// an outcome that says so. An object that would lose fields is not handed on: see [LossyError].
//
// Each resource has one outcome, or one in each selected namespace: those that were met, those that a definition was learned
// for, and Kubernetes' own. Its version is the one that most of its objects are stored at. It failed if one object did, and is
// listed if all were read, also where no server shows it any more. Keys that are like nothing an API server writes are a failed
// outcome with "*" as its resource. So are keys that are none of the prefix, if nothing else came: then the prefix is wrong.
//
// The error is one of the keys' or the receiver's, ctx's cause, of a selection that can't be read, of a namespace that is
// selected and not there, or of keys that are not all. The report that comes with it is not complete.
//
// A few objects are decoded at once, and no more are in memory.
func (d *Decoder) Dump(
	ctx context.Context, keys iter.Seq2[*mvccpb.KeyValue, error], at manifests.Instant, to manifests.Receiver, s Selection,
) (*manifests.Report, error) {
	run, err := d.newDump(at, to, s)
	if err != nil {
		return nil, fmt.Errorf("dump keys: %w", err)
	}
	if err = to.Begin(at); err == nil {
		err = run.all(ctx, keys, run.take)
	}
	if err == nil {
		err = errors.Join(run.whole(), run.namespacesThere())
	}
	if err != nil {
		return run.brokenOff(err), fmt.Errorf("dump keys: %w", err)
	}
	return run.report(), nil
}

// dump is one dump on its way.
type dump struct {
	decoder *Decoder
	chosen  Selection
	labels  labels.Selector
	at      manifests.Instant
	to      manifests.Receiver

	keys common // for feed alone, until it has ended

	mu      sync.Mutex // for what follows
	tallies tallies
	objects int
	stopped error // what the receiver said
}

func (d *Decoder) newDump(at manifests.Instant, to manifests.Receiver, s Selection) (*dump, error) {
	selector, err := labels.Parse(s.LabelSelector)
	if err != nil {
		return nil, fmt.Errorf("read label selector: %w", err)
	}
	if slices.Contains(s.Namespaces, "") {
		return nil, errors.New("read selection: a namespace has no name")
	}
	s.Namespaces, s.Classes = distinct(s.Namespaces), distinct(s.Classes)
	run := &dump{decoder: d, chosen: s, labels: selector, at: at, to: to}
	run.tallies.begin()
	return run, nil
}

// distinct gives a sorted copy without repetitions.
func distinct[T ~string](list []T) []T {
	list = slices.Clone(list)
	slices.Sort(list)
	return slices.Compact(list)
}

// maxWorkers bounds how many objects are decoded at once. One of a megabyte takes some 20 MiB, or a few times that if it is
// made to: see largeValue for more.
const maxWorkers = 8

// all has the values of keys taken, several at once.
func (d *dump) all(
	ctx context.Context, keys iter.Seq2[*mvccpb.KeyValue, error], take func(*worker, *mvccpb.KeyValue) error,
) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	work := make(chan *mvccpb.KeyValue)
	var workers sync.WaitGroup
	// One more than can compute: the receiver waits for disks.
	for range min(runtime.GOMAXPROCS(0)+1, maxWorkers) {
		workers.Go(func() {
			var w worker
			for kv := range work {
				if err := take(&w, kv); err != nil {
					cancel(err)
				}
			}
		})
	}
	err := d.feed(ctx, keys, work, take)
	close(work)
	workers.Wait()
	if err == nil {
		err = context.Cause(ctx)
	}
	return err
}

// feed gives the keys to whoever is free, and takes large values itself, one at a time.
func (d *dump) feed(
	ctx context.Context, keys iter.Seq2[*mvccpb.KeyValue, error], work chan<- *mvccpb.KeyValue,
	take func(*worker, *mvccpb.KeyValue) error,
) error {
	for kv, err := range keys {
		if err == nil {
			err = context.Cause(ctx)
		}
		if err != nil {
			return err
		}
		d.keys.add(kv.Key)
		if len(kv.Value) > largeValue {
			if err := take(new(worker), kv); err != nil {
				return err
			}
			continue
		}
		select {
		case work <- kv:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// take decodes one value and hands the object on. The error is the receiver's.
func (d *dump) take(w *worker, kv *mvccpb.KeyValue) error {
	v, err := d.decoder.read(kv)
	if use := v.place.Use; use == Internal || use == Outside {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.tallies.other(use, kv.Key)
		return nil
	}
	if !d.wants(v, err) {
		return nil
	}
	var object *manifests.Object
	if err == nil {
		object, err = w.object(v, d.decoder.level)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if err != nil {
		err = fmt.Errorf("decode %s: %w", printable(kv.Key), err)
		d.tallies.fail(v, kv.Key, err)
		if d.chosen.Failed != nil {
			d.chosen.Failed(kv, err)
		}
		return nil
	}
	d.tallies.list(v)
	if len(d.chosen.Classes) > 0 && !slices.Contains(d.chosen.Classes, object.Class) {
		return nil
	}
	return d.hand(object)
}

// wants reports whether a value was selected, and remembers the resource of one that was not. Of a value that can't be read, as
// err says, the labels are not known.
func (d *dump) wants(v value, err error) bool {
	namespace := v.place.Key.Namespace
	excluded := d.excludes(v.resource)
	elsewhere := len(d.chosen.Namespaces) > 0 && !slices.Contains(d.chosen.Namespaces, namespace)
	switch {
	case v.place.Use == Unknown && v.place.Key.Name == "": // it is nobody's
		return true
	case !excluded && !elsewhere && (err != nil || d.labels.Matches(labels.Set(v.labels))):
		return true
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tallies.pass(v, excluded)
	return false
}

// excludes asks for a resource what is the caller's to say, who need not be ready for several at once.
func (d *dump) excludes(r manifests.Resource) bool {
	if d.chosen.Exclude == nil {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.chosen.Exclude(r)
}

// hand gives an object to the receiver.
func (d *dump) hand(object *manifests.Object) error {
	if d.stopped == nil {
		d.stopped = d.to.Object(object)
	}
	if d.stopped != nil {
		return d.stopped
	}
	d.objects++
	return nil
}
