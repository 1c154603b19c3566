package apply

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/clustersnap/clustersnap/manifests"
)

// Plan is what would be done to bring objects back to one cluster, as that was when the plan was made.
type Plan struct {
	// Steps has one for each object, in the order in which they would be done.
	Steps []Step `json:"steps"`

	cluster *Cluster
	opts    Options
	items   []*item // by index of Steps
}

// Blocked are the steps for what can't be brought back as things are, or must not be: an object is in the way.
func (p *Plan) Blocked() []Step {
	var blocked []Step
	for _, s := range p.Steps {
		if s.Do == Blocked || s.Do == Conflict {
			blocked = append(blocked, s)
		}
	}
	return blocked
}

// Writes counts the steps that write to the cluster.
func (p *Plan) Writes() int {
	n := 0
	for _, s := range p.Steps {
		if s.writes() {
			n++
		}
	}
	return n
}

// planner makes a plan.
type planner struct {
	cluster *Cluster
	opts    Options
	kinds   kinds
	items   []*item
	byKey   map[manifests.Key]*item
	// namespaces are those of objects, and what is wrong with them; volumes are looked at if there are claims to make.
	namespaces map[string]*namespace
	volumes    *volumes
}

// Plan finds out what bringing objects back would do, and writes nothing. Whatever would be written the server is asked about
// (dryRun=All), with the admission that it would go through: so a webhook that has side effects which it can't leave out is
// an obstacle, and the plan takes the same rights as the run, see the package documentation.
//
// An object that has its namespace or its kind only once others of the plan are there can't be asked about: see Step.After.
// The order of objects does not matter. Whatever else is in the cluster is not looked at, and will not be touched.
//
// What can't be brought back is a step of the plan: see [Plan.Blocked]. The error is for what ends all of it: an object that
// can't be read or is there twice, or a cluster that does not answer.
func (c *Cluster) Plan(ctx context.Context, objects []Object, opts Options) (*Plan, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	p := &planner{
		cluster: c, opts: opts, byKey: map[manifests.Key]*item{}, namespaces: map[string]*namespace{},
		kinds: kinds{cluster: c, known: map[kindName]kind{}, planned: map[kindName]kind{}},
	}
	if err := p.read(ctx, objects); err != nil {
		return nil, fmt.Errorf("plan: %w", err)
	}
	if err := p.judge(ctx); err != nil {
		return nil, fmt.Errorf("plan: %w", err)
	}
	plan := &Plan{cluster: c, opts: opts, items: p.items}
	slices.SortFunc(plan.items, func(a, b *item) int {
		return cmp.Or(cmp.Compare(stageOf(a.Key), stageOf(b.Key)), a.Key.Compare(b.Key))
	})
	for _, it := range plan.items {
		plan.Steps = append(plan.Steps, it.Step)
	}
	return plan, nil
}

// judge decides on all items: on definitions and namespaces first, because the others depend on them.
func (p *planner) judge(ctx context.Context) error {
	all := slices.DeleteFunc(slices.Clone(p.items), func(it *item) bool { return it.decided })
	if err := p.lookAtNamespaces(ctx, all); err != nil {
		return err
	}
	if err := p.lookAtVolumes(ctx, all); err != nil {
		return err
	}
	first := func(it *item) bool { k := kindOf(it.Key); return k == ofDefinitions || k == ofNamespaces }
	var before, after []*item
	for _, it := range all {
		if first(it) {
			before = append(before, it)
		} else {
			after = append(after, it)
		}
	}
	if err := p.each(ctx, before, p.decide); err != nil {
		return err
	}
	if err := p.each(ctx, after, p.decide); err != nil {
		return err
	}
	for _, it := range after {
		p.follow(it)
	}
	return nil
}

// each does something with each item that is not decided yet. What the server refuses blocks the item; an error that is no
// answer of a server ends all.
func (p *planner) each(ctx context.Context, list []*item, do func(context.Context, *item) error) error {
	return parallel(ctx, p.opts.Parallel, list, func(ctx context.Context, it *item) error {
		if it.decided {
			return nil
		}
		err := do(ctx, it)
		if err != nil && answered(err) {
			it.block(err)
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", it.Key, err)
		}
		return nil
	})
}

// look finds out what the cluster has.
func (p *planner) look(ctx context.Context, it *item) error {
	if it.definition != nil && it.definition.absent {
		it.absent = true
		return nil
	}
	live, err := p.cluster.get(ctx, it)
	if apierrors.IsNotFound(err) {
		it.looked, it.absent = true, true
		return nil
	}
	it.looked, it.live = err == nil, live
	return err
}
