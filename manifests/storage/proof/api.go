package proof

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/storage"
)

// FromAPI holds a dump against what the API server can tell, some time after the dump was made: sooner is better. It lists
// all again, metadata alone, but what the dump excluded. An object that is there unchanged since before the dump has to be
// in it, and one that is newer is looked for in a watch that begins at the dump, which shows whether it was created or
// changed since. What is no more is looked up, up to a number of objects: that it ever was there only the dump says. More of
// them are Unchecked. A namespace that the dump was limited to and that is no more has nothing.
//
// It also takes the numbers of objects that the API server counts in its storage each minute (the metric
// apiserver_resource_objects, and before 1.34 apiserver_storage_objects). A kind of which it has more than were listed, and
// that has not changed meanwhile, is Unchecked, and so is each kind that could not be listed.
//
// Errors are those of [Complete], and of package manifests. What the caller has no right to makes the proof weaker, as its
// Blind says.
func FromAPI(ctx context.Context, d Dump, config *rest.Config) (*Proof, error) {
	p, err := fromAPI(ctx, d, config)
	if err != nil {
		return nil, fmt.Errorf("prove completeness: %w", err)
	}
	return p, nil
}

func fromAPI(ctx context.Context, d Dump, config *rest.Config) (*Proof, error) {
	j, err := newJudge(ctx, d, Options{})
	if err != nil {
		return nil, err
	}
	defer j.close()
	a := &api{judge: j, config: config, moved: map[gr]bool{}, blind: []string{
		"Keys that no API serves are not seen: of kinds that were removed, and of definitions that are gone.",
		"What was there at the dump, was missed by it and is no more has left no trace.",
	}}
	j.inSelection = a.selected
	if a.cluster, err = manifests.NewCluster(config); err != nil {
		return nil, err
	}
	a.get, a.versions = a.cluster.Get, a.cluster.Versions
	counted, err := a.count(ctx)
	if err != nil {
		return nil, err
	}
	if err := a.relist(ctx); err != nil {
		return nil, err
	}
	if err := a.watch(ctx); err != nil {
		return nil, err
	}
	if err := a.gone(ctx); err != nil {
		return nil, err
	}
	a.unlisted(counted)
	a.compare(counted)
	p := j.proof()
	p.Strength, p.Blind = APIOnly, a.blind
	return p, nil
}

// api is a proof without etcd on its way.
type api struct {
	*judge
	config  *rest.Config
	cluster *manifests.Cluster
	get     func(context.Context, manifests.Key, manifests.Level) (*manifests.Object, error) // of cluster
	// versions is that of cluster too.
	versions func(context.Context, manifests.Options) ([]manifests.Entry, *manifests.Report, error)
	now      *coverage     // of the second list
	emptied  []string      // namespaces of the dump that are no more
	fresh    map[gr]*fresh // objects that the dump does not have, and that are newer
	moved    map[gr]bool   // kinds that have changed since the dump
	blind    []string
}

// relist lists all again and judges what it finds.
func (a *api) relist(ctx context.Context) error {
	all, report, err := a.list(ctx)
	if err != nil {
		return err
	}
	if a.revision, err = instantOf(report); err != nil {
		return err
	}
	if a.revision < a.instant {
		return cmp.Or(a.identity(all), fmt.Errorf("%w: the cluster is at resource version %d, and the dump is of %d",
			ErrOtherCluster, a.revision, a.instant))
	}
	a.now, a.keyed, a.fresh = newCoverage(report), len(all), map[gr]*fresh{}
	for _, e := range all {
		s := stored{Key: e.Key, use: storage.Object, version: e.ResourceVersion, kind: e.Kind, uid: e.UID, class: e.Class}
		s.mod, _ = strconv.ParseInt(e.ResourceVersion, 10, 64) // an aggregated API may have anything
		if err := a.object(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// identity is the error for another kube-system than that of the dump, which says more than a revision does.
func (a *api) identity(all []manifests.Entry) error {
	for _, e := range all {
		s := stored{Key: e.Key, use: storage.Object, version: e.ResourceVersion, kind: e.Kind, uid: e.UID, class: e.Class}
		if r := a.dumped.find(s); r != nil && s.Key == kubeSystem {
			return a.both(s, r)
		}
	}
	return nil
}

// list gives what there is now of what the dump asked for, without namespaces that are no more.
func (a *api) list(ctx context.Context) ([]manifests.Entry, *manifests.Report, error) {
	opts := a.again()
	for {
		all, report, err := a.versions(ctx, opts)
		if !apierrors.IsNotFound(err) || len(opts.Namespaces) == 0 {
			return all, report, err
		}
		before := len(a.emptied)
		opts.Namespaces = slices.DeleteFunc(opts.Namespaces, func(name string) bool {
			_, lost := a.get(ctx, manifests.Key{Resource: "namespaces", Name: name}, manifests.Faithful)
			if !apierrors.IsNotFound(lost) {
				return false
			}
			a.emptied = append(a.emptied, name)
			return true
		})
		switch {
		case len(a.emptied) == before:
			return nil, nil, err
		case len(opts.Namespaces) == 0:
			return a.nothing(ctx)
		}
	}
}

// nothing is the list of a dump whose namespaces are all no more. It is taken in one that always is there, for the moment.
func (a *api) nothing(ctx context.Context) ([]manifests.Entry, *manifests.Report, error) {
	_, report, err := a.versions(ctx, manifests.Options{Namespaces: []string{metav1.NamespaceDefault}, Exclude: func(
		r manifests.Resource,
	) bool {
		return r.Group != "" || r.Resource != "configmaps"
	}})
	return nil, report, err
}

// again asks for what the dump asked for. Its classes are left to selected: some need more than metadata.
func (a *api) again() manifests.Options {
	opts := manifests.Options{LabelSelector: a.report.Selection.LabelSelector}
	excluded := map[gr]bool{}
	for _, o := range a.report.Outcomes {
		switch {
		case o.State == manifests.Excluded:
			excluded[gr{o.Group, o.Resource.Resource}] = true
		case a.covered.chosen && o.Namespace != "" && !slices.Contains(opts.Namespaces, o.Namespace):
			opts.Namespaces = append(opts.Namespaces, o.Namespace)
		}
	}
	opts.Exclude = func(r manifests.Resource) bool { return excluded[gr{r.Group, r.Resource}] }
	return opts
}

// object judges one that is there now.
func (a *api) object(ctx context.Context, s stored) error {
	if r := a.dumped.find(s); r != nil {
		if r.rv != s.mod {
			a.moved[grOf(s.Key)] = true
		}
		return a.both(s, r)
	}
	at, o := a.instant, a.covered.of(s.Key)
	if o.Clock != "" {
		at, _ = strconv.ParseInt(o.Clock, 10, 64)
	}
	switch {
	case o.State == manifests.Excluded:
		return nil // it appeared in discovery since
	case s.mod > at && at > 0:
		return a.newer(ctx, s, at)
	case at > 0 && s.mod > 0:
		return a.absent(ctx, s)
	}
	f := s.finding(Unchecked)
	f.Why = "it is not in the dump, and its store has no clock that would tell whether it was there"
	a.ledger.tally(f.alike())
	return nil
}

// selected reports whether the classes of the dump take an object. Its labels were the server's matter. Where the whole object
// may be of another class than its metadata tells, and that matters, it is read.
func (a *api) selected(ctx context.Context, s stored) (bool, error) {
	classes := a.report.Selection.Classes
	if len(classes) == 0 {
		return true, nil
	}
	in := slices.Contains(classes, s.class)
	other := manifests.Entry{Key: s.Key, Class: s.class}.OtherClass()
	if other == "" || in == slices.Contains(classes, other) {
		return in, nil
	}
	whole, err := a.get(ctx, s.Key, manifests.Faithful)
	if err != nil {
		return false, err
	}
	return slices.Contains(classes, whole.Class), nil
}

// unlisted says which kinds could not be listed: now, or by the dump if nothing was found of them now.
func (a *api) unlisted(counted map[gr]int) {
	told := map[manifests.Key]bool{}
	for _, o := range append(a.now.report.Missing(), a.report.Missing()...) {
		of := manifests.Key{Group: o.Group, Resource: o.Resource.Resource}
		if told[of] || a.now.whole(grOf(of)) {
			continue
		}
		told[of] = true
		f := Finding{Is: Unchecked, Key: of, ObjectKind: o.Kind, Why: unlisted(o)}
		if n, ok := counted[grOf(of)]; ok {
			f.Why += fmt.Sprintf("; the API server counts %d in its storage", n)
		}
		a.ledger.add(f)
	}
}

// whole reports whether all of a kind was listed.
func (c *coverage) whole(of gr) bool {
	for _, o := range c.outcomes[of] {
		if o.State != manifests.Listed {
			return false
		}
	}
	return len(c.outcomes[of]) > 0
}
