package manifests

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/labels"
)

// Options narrow what is dumped, and change how. The zero value is everything.
type Options struct {
	// Level is how much is taken out of each object. The zero value is Portable.
	Level Level
	// Exclude says which resources are not listed. It is asked for those too that can't be listed, and with "*" as the
	// Resource for a version of a group that the API server could not discover. Nil excludes none.
	Exclude func(Resource) bool
	// Namespaces limits the dump to these. What belongs to no namespace is then excluded, the namespaces themselves
	// as well.
	Namespaces []string
	// LabelSelector limits the dump to objects whose labels match, in the syntax of kubectl get -l.
	LabelSelector string
	// Classes limits what is handed on. Empty is all.
	Classes []Class
	// Lists is how many requests are in flight at once. Zero is 8.
	Lists int
	// PageSize is how many objects a request asks for; fewer if they are large, or if their size is not known yet.
	// Zero is 500, and 4,000 for metadata.
	PageSize int
	// Rate is how many requests a second are sent at most. Zero is no limit: the server has one of its own (429), which
	// is obeyed.
	Rate float64
	// Stall is for how long the server may send nothing. Zero is 90 seconds; the server itself ends a request after 60.
	Stall time.Duration
}

const (
	defaultLists = 8
	defaultStall = 90 * time.Second
	// maxStarts is how often a dump starts over before that is an error.
	maxStarts = 3
)

func (o Options) withDefaults() (Options, error) {
	if _, err := labels.Parse(o.LabelSelector); err != nil {
		return o, fmt.Errorf("read label selector: %w", err)
	}
	if o.Lists < 0 || o.PageSize < 0 || o.Rate < 0 || o.Stall < 0 {
		return o, errors.New("read options: a number is negative")
	}
	if slices.Contains(o.Namespaces, "") {
		return o, errors.New("read options: a namespace has no name")
	}
	if o.Lists == 0 {
		o.Lists = defaultLists
	}
	if o.Stall == 0 {
		o.Stall = defaultStall
	}
	o.Namespaces = distinct(o.Namespaces)
	o.Classes = distinct(o.Classes)
	return o, nil
}

// distinct gives a sorted copy without repetitions.
func distinct[T ~string](list []T) []T {
	list = slices.Clone(list)
	slices.Sort(list)
	return slices.Compact(list)
}

func (o Options) pace() pace { return pace{newLimiter(o.Rate), o.Stall} }

// dump is one dump on its way.
type dump struct {
	cluster *Cluster
	opts    Options
	pace    pace
	form    *form
	workers workers
	catalog *catalogue
	covered *coverage
	fixed   []Outcome // of what is not listed

	at    Instant
	lists []*listing

	mu       sync.Mutex      // for what follows
	foreign  map[string]bool // scopes that were seen to be of another store
	to       Receiver
	objects  int
	received error
}

// Dump lists every object of the cluster as it was at one instant, and hands each on in canonical form.
//
// The instant is the revision that etcd has at the beginning: every list is asked for at exactly this resource
// version (resourceVersionMatch=Exact, KEP-2523), page by page. When the server no longer has the instant, because
// etcd compacts what is older than five minutes, the dump starts over at a new one, twice at most: see [Receiver].
//
// What lies in another store, as the objects of an aggregated API or events that are split out to an etcd of their
// own, has no such revision: it is listed as of one moment of its own, which is the Clock of its Outcome. A list
// whose moment is gone before it is read to its end fails; the dump goes on.
//
// Each resource that discovery shows has an outcome in the report, in each namespace where it had to be listed by
// namespace, and so have versions that the server could not discover, custom resources that no version serves, and
// resources that were added meanwhile. A list that fails is an outcome, not an error: look at [Report.Complete].
// Where the same objects are served in two groups, as events are, one of the two is listed: see [SameObjects].
//
// The error is for what ends the whole dump: no discovery, no instant, no resource that may be listed at all, one
// that to returned, or ctx's cause. The report goes with it as far as it came, never complete, and what to has
// received is then no dump. Errors of the API server wrap a StatusError of k8s.io/apimachinery/pkg/api/errors.
//
// Memory is that of the pages in flight: no list is held whole.
func (c *Cluster) Dump(ctx context.Context, to Receiver, opts Options) (*Report, error) {
	report, err := c.dump(ctx, to, opts, canonicalForm())
	if err != nil {
		return report, fmt.Errorf("dump cluster: %w", err)
	}
	return report, nil
}

func (c *Cluster) dump(ctx context.Context, to Receiver, opts Options, f *form) (*Report, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	d := &dump{cluster: c, opts: opts, pace: opts.pace(), form: f, foreign: make(map[string]bool), to: to}
	if err := d.prepare(ctx); err != nil {
		return nil, err
	}
	for start := 1; ; start++ {
		err := d.attempt(ctx)
		var over *errStartOver
		if err == nil {
			break
		}
		if !errors.As(err, &over) {
			return d.brokenOff(err), err
		}
		if start == maxStarts {
			err = fmt.Errorf("the instant was gone %d times before all was read: dump less at once, or have "+
				"kube-apiserver compact etcd less often (--etcd-compaction-interval): %w", start, err)
			return d.brokenOff(err), err
		}
	}
	if err := d.late(ctx); err != nil {
		return d.brokenOff(err), err
	}
	return d.report(), nil
}

// prepare finds out what there is to list.
func (d *dump) prepare(ctx context.Context) (err error) {
	if d.at.ServerVersion, err = d.cluster.serverVersion(ctx, d.pace); err != nil {
		return err
	}
	if d.catalog, err = d.cluster.discover(ctx, d.pace, nil); err != nil {
		return err
	}
	d.cluster.keep(d.catalog)
	if d.covered, err = d.cluster.cover(ctx, d.pace); err != nil {
		return err
	}
	return d.checkNamespaces(ctx)
}

// attempt lists everything at one instant.
func (d *dump) attempt(ctx context.Context) error {
	d.plan()
	reference, err := d.reference(ctx)
	if err != nil {
		return err
	}
	if err := d.probeAll(ctx, reference); err != nil {
		return err
	}
	d.mu.Lock()
	d.objects = 0
	err = d.to.Begin(d.at)
	d.mu.Unlock()
	if err != nil {
		return err
	}
	return d.run(ctx, slices.DeleteFunc(slices.Clone(d.lists), func(l *listing) bool { return l.ended }), d.page)
}

// hand gives an object to the receiver, if it was asked for.
func (d *dump) hand(object *Object) error {
	if len(d.opts.Classes) > 0 && !slices.Contains(d.opts.Classes, object.Class) {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.received == nil {
		d.received = d.to.Object(object)
	}
	if d.received != nil {
		return &errReceiver{d.received}
	}
	d.objects++
	return nil
}
