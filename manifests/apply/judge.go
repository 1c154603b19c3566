package apply

import (
	"context"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/clustersnap/clustersnap/manifests"
)

// decide says what is to be done with one object.
func (p *planner) decide(ctx context.Context, it *item) error {
	if it.live != nil && it.live.GetDeletionTimestamp() != nil {
		it.decide(Blocked, "the cluster's own is being deleted: wait until it is gone, its finalizers say who is at it")
		return nil
	}
	if why := p.barred(it); why != "" {
		it.decide(Blocked, why)
		return nil
	}
	if it.absent {
		return p.decideAbsent(ctx, it)
	}
	for again := 1; ; again++ {
		err := p.decidePresent(ctx, it)
		if !moved(err) || again == maxMoves {
			return err
		}
		if it.live, err = p.cluster.get(ctx, it); apierrors.IsNotFound(err) {
			return p.decideAbsent(ctx, it)
		} else if err != nil {
			return err
		}
	}
}

// maxMoves is how often an object that changes while it is written, as by a controller, is looked at again.
const maxMoves = 5

// moved reports whether a write was refused because the object is another one than was looked at.
func moved(err error) bool {
	fields, _ := conflicts(err)
	return apierrors.IsConflict(err) && len(fields) == 0
}

// barred says what is wrong with the namespace of an object, or with the definition of its kind.
func (p *planner) barred(it *item) string {
	if d := it.definition; d != nil && d.Do == Unchanged {
		return fmt.Sprintf(
			"the cluster has the definition of its kind, %s, and does not serve it: see the conditions in its status", d.Key)
	} else if d != nil && !d.writes() {
		return fmt.Sprintf("the definition of its kind, %s, is not brought back: %s", d.Key, d.Why)
	}
	ns := p.namespaces[it.Key.Namespace]
	switch {
	case ns == nil || !ns.absent && !ns.terminating:
		return ""
	case ns.terminating:
		return "its namespace is being deleted, which ends all that is in it: wait until it is gone"
	case ns.item == nil:
		return fmt.Sprintf("there is no namespace %s: bring it back as well", it.Key.Namespace)
	case !ns.item.writes():
		return fmt.Sprintf("its namespace is not brought back: %s", ns.item.Why)
	}
	return ""
}

// decideAbsent is for what the cluster lacks. A plain create keeps ownership simple: whoever writes the object next, by
// whatever means, has no conflict with fields that only this package would manage.
func (p *planner) decideAbsent(ctx context.Context, it *item) error {
	if err := p.suspend(it); err != nil {
		return err
	}
	why := ""
	if kindOf(it.Key) == ofClaims {
		var taken bool
		if why, taken = p.volumes.of(it); taken {
			it.decide(Blocked, why)
			return nil
		}
	}
	missing, after, err := p.lookForAccount(ctx, it)
	switch {
	case err != nil:
		return err
	case missing != "":
		it.decide(Blocked, missing)
		return nil
	}
	if it.After = append(p.before(it), after...); len(it.After) > 0 {
		it.decide(Create, why)
		return nil
	}
	err = p.cluster.create(ctx, it, dry)
	if apierrors.IsNotFound(err) || apierrors.IsForbidden(err) { // the server may have missed what comes before
		if it.After = p.needs(it); len(it.After) > 0 {
			err = nil
		}
	}
	if err != nil {
		return err
	}
	it.decide(Create, why)
	return nil
}

// follow blocks an object that needs another which is not brought back.
func (p *planner) follow(it *item) {
	for _, key := range it.After {
		if first := p.byKey[key]; it.writes() && !first.writes() {
			it.After = nil
			it.decide(Blocked, fmt.Sprintf("%s, which it needs, is not brought back: %s", key, first.Why))
		}
	}
}

// before gives what has to be there before the server can be asked about an object.
func (p *planner) before(it *item) []manifests.Key {
	var after []manifests.Key
	if it.definition != nil {
		after = append(after, it.definition.Key)
	}
	if ns := p.namespaces[it.Key.Namespace]; ns != nil && ns.absent {
		after = append(after, ns.item.Key)
	}
	return after
}

// needs gives what an object names, that admission looks for, and that only the plan brings back. What the plan has and
// nobody has looked for, as it was skipped, may be there all the same: of that the server knows.
func (p *planner) needs(it *item) []manifests.Key {
	var named []manifests.Key
	name := func(group, resource, namespace, name string) {
		if name != "" {
			named = append(named, manifests.Key{Group: group, Resource: resource, Namespace: namespace, Name: name})
		}
	}
	switch kindOf(it.Key) {
	case groupResource{"", "pods"}:
		spec, _ := value(it.body, "spec").(map[string]any)
		name("", "serviceaccounts", it.Key.Namespace, text(spec, "serviceAccountName"))
		name("scheduling.k8s.io", "priorityclasses", "", text(spec, "priorityClassName"))
		name("node.k8s.io", "runtimeclasses", "", text(spec, "runtimeClassName"))
	case groupResource{rbac, "rolebindings"}, groupResource{rbac, "clusterrolebindings"}:
		if text(it.body, "roleRef", "kind") == "Role" {
			name(rbac, "roles", it.Key.Namespace, text(it.body, "roleRef", "name"))
		} else {
			name(rbac, "clusterroles", "", text(it.body, "roleRef", "name"))
		}
	}
	var needed []manifests.Key
	for _, key := range named {
		if other := p.byKey[key]; other != nil && other.looked && other.absent {
			needed = append(needed, key)
		}
	}
	return needed
}

// decidePresent is for what the cluster has. The same in canonical form is the same; of the rest the server says what would
// become of it.
func (p *planner) decidePresent(ctx context.Context, it *item) error {
	if err := p.suspend(it); err != nil {
		return err
	}
	live := it.live
	form, err := canonical(live.Object, it.resource, manifests.Portable)
	if err != nil {
		return err
	}
	if form.Hash == it.hash {
		it.decide(Unchanged, "")
		return nil
	}
	if err := it.keep(live); err != nil {
		return err
	}
	switch p.opts.Policy {
	case UpdateExisting, ForceExisting:
		return p.decideUpdate(ctx, it, live)
	}
	made, err := p.cluster.replace(ctx, it, live, dry)
	if err != nil && !answered(err) || moved(err) {
		return err
	}
	refused := err
	if err != nil { // then as far as can be told without the server
		if made, err = it.guess(live); err != nil {
			return err
		}
	}
	if err := it.compare(live, made); err != nil || it.decided {
		return err
	}
	switch {
	case p.opts.Policy == SkipExisting:
		it.decide(Skip, "the cluster has another, which stays")
	case p.opts.Policy == FailExisting:
		it.decide(Conflict, "the cluster has another: look at what differs and choose a policy")
	case refused != nil:
		return refused
	default:
		it.decide(Replace, "")
	}
	return nil
}

// decideUpdate asks for a server-side apply.
func (p *planner) decideUpdate(ctx context.Context, it *item, live *unstructured.Unstructured) error {
	it.Do = Update
	made, err := p.cluster.changeOnce(ctx, it, live, p.opts.Policy, dry)
	if fields, others := conflicts(err); len(fields) > 0 {
		it.Changes = fields
		it.decide(Conflict, fmt.Sprintf(
			"%s has set them otherwise: policy %s takes them over", strings.Join(others, " and "), ForceExisting))
		return nil
	}
	if err != nil && answered(err) && !moved(err) {
		return p.decideRefused(ctx, it, live, err)
	}
	if err != nil {
		return err
	}
	if err := it.compare(live, made); err != nil || it.decided {
		return err
	}
	it.decide(Update, "")
	return nil
}

// decideRefused is for what can't be updated. What server-side apply does not take, or takes only together with what the
// object has besides, may still be the same, or be replaced.
func (p *planner) decideRefused(ctx context.Context, it *item, live *unstructured.Unstructured, refused error) error {
	why := it.sentence(refused)
	if duplicates(refused) {
		why = "a list has two elements with one key, which server-side apply does not take (kubernetes/kubernetes#113482)"
	}
	made, err := p.cluster.replace(ctx, it, live, dry)
	if err != nil && !answered(err) || moved(err) {
		return err
	}
	if err == nil {
		if err := it.compare(live, made); err != nil || it.decided {
			return err
		}
		why += fmt.Sprintf(": policy %s would do", ReplaceExisting)
	}
	it.decide(Blocked, why)
	return nil
}

// guess gives what a replace would make, as far as that can be told without the server.
func (it *item) guess(live *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	body, err := it.inPlaceOf(live)
	return &unstructured.Unstructured{Object: body}, err
}

// compare holds what the cluster has against what a write would make of it.
func (it *item) compare(live, made *unstructured.Unstructured) error {
	var err error
	if it.Changes, err = it.differ(live, made); err == nil && len(it.Changes) == 0 {
		it.decide(Unchanged, "")
	}
	return err
}

// differ gives the paths of the fields in which two states of an object differ, status apart.
func (it *item) differ(live, made *unstructured.Unstructured) ([]string, error) {
	var sides [2]map[string]any
	for i, o := range []*unstructured.Unstructured{live, made} {
		form, err := canonical(o.Object, it.resource, manifests.Faithful)
		if err != nil {
			return nil, err
		}
		if sides[i], err = fields(form); err != nil {
			return nil, err
		}
	}
	return differences(sides[0], sides[1]), nil
}
