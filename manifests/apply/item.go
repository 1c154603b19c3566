package apply

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/validation/path"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/clustersnap/clustersnap/manifests"
)

// item is one object on its way.
type item struct {
	Step
	key        manifests.Key
	resource   manifests.Resource
	definition *item          // of its kind, if that is to be brought back first
	body       map[string]any // in portable form
	hash       string         // of that form
	note       string         // goes with whatever is decided
	decided    bool           // the step says what is to be done

	live   *unstructured.Unstructured // while it is planned: what the cluster has
	absent bool                       // the cluster had none when the plan began
	// What the cluster had when it was planned, if that is to be changed.
	uid, faithful string
}

// decide ends the planning of an object.
func (it *item) decide(do Action, why string) {
	if it.note != "" && why != "" {
		why = it.note + "; " + why
	}
	it.Do, it.Why, it.decided = do, cmp.Or(why, it.note), true
	it.live = nil
}

func (it *item) block(err error) { it.decide(Blocked, it.sentence(err)) }

// read makes items of all objects: first of definitions, since they say what other objects are.
func (p *planner) read(ctx context.Context, objects []Object) error {
	bodies := make([]map[string]any, len(objects))
	heads := make([]head, len(objects))
	var definitions, others []int
	for i, o := range objects {
		var err error
		if bodies[i], err = decode(o.Body); err == nil {
			heads[i], err = headOf(bodies[i])
		}
		if err != nil {
			return fmt.Errorf("read object %d of %d (%s %s): %w", i+1, len(objects), heads[i].kind, heads[i].name, err)
		}
		if heads[i].kind == "CustomResourceDefinition" && strings.HasPrefix(heads[i].apiVersion, ofDefinitions.group+"/") {
			definitions = append(definitions, i)
		} else {
			others = append(others, i)
		}
	}
	take := func(indices []int) error {
		for _, i := range indices {
			it, err := p.item(ctx, bodies[i], heads[i], objects[i].Class)
			if err != nil {
				return fmt.Errorf("read %s %s: %w", heads[i].kind, heads[i].name, err)
			}
			if p.byKey[it.key] != nil {
				return fmt.Errorf("read objects: %s is among them twice", it.key)
			}
			p.items, p.byKey[it.key] = append(p.items, it), it
		}
		return nil
	}
	if err := take(definitions); err != nil {
		return err
	}
	if err := p.each(ctx, p.items, p.look); err != nil {
		return err
	}
	for _, it := range p.items {
		if !it.decided {
			p.kinds.add(it)
		}
	}
	n := len(p.items)
	if err := take(others); err != nil {
		return err
	}
	return p.each(ctx, p.items[n:], p.look)
}

// item makes one of an object. Its error is for what ends the whole plan.
func (p *planner) item(ctx context.Context, body map[string]any, h head, class manifests.Class) (*item, error) {
	k, err := p.kinds.find(ctx, kindName{h.apiVersion, h.kind})
	if err != nil {
		return nil, err
	}
	r := k.resource
	it := &item{resource: r, definition: k.definition, body: body}
	it.key = manifests.Key{Group: r.Group, Resource: r.Resource, Namespace: h.namespace, Name: h.name}
	if k.none != "" {
		gv, _ := schema.ParseGroupVersion(h.apiVersion) // what is none has no group
		r.Version = gv.Version
		it.key.Group, it.key.Resource = gv.Group, h.kind
	}
	it.Step = Step{Key: it.key, Version: r.Version, Kind: h.kind}
	if err := k.check(h); err != nil {
		it.block(err)
		return it, nil
	}
	if it.note = k.note; it.note != "" {
		body["apiVersion"] = r.Group + "/" + r.Version
	}
	if p.opts.Suspend && (kindOf(it.key) == ofJobs || kindOf(it.key) == ofCronJobs) {
		if spec, ok := body["spec"].(map[string]any); ok {
			spec["suspend"] = true
		}
	}
	form, err := canonical(body, r, manifests.Portable)
	if err == nil {
		it.hash = form.Hash
		it.body, err = fields(form)
	}
	if err != nil {
		it.block(err)
		return it, nil
	}
	if class == "" {
		class = form.Class
	}
	p.classify(it, class)
	return it, nil
}

// check says why an object can't be asked for.
func (k kind) check(h head) error {
	bad := slices.Concat(path.IsValidPathSegmentName(h.name), path.IsValidPathSegmentName(h.namespace))
	switch {
	case k.none != "":
		return errors.New(k.none)
	case k.resource.Namespaced && h.namespace == "":
		return errors.New("it has no metadata.namespace, which its kind needs: add it")
	case !k.resource.Namespaced && h.namespace != "":
		return errors.New("it has a metadata.namespace, which its kind does not: remove it")
	case len(bad) > 0:
		return fmt.Errorf("no server takes its name or namespace: it %s", bad[0])
	}
	return nil
}

// reasons are why objects of a class are left to others.
var reasons = map[manifests.Class]string{
	manifests.Generated:   "a controller makes it again",
	manifests.Bootstrap:   "the control plane makes it in every cluster",
	manifests.NodeBound:   "it describes one machine",
	manifests.Terminating: "it was being deleted when it was saved",
	manifests.Completed:   "it had ended when it was saved",
	manifests.Virtual:     "it is computed on request and stored nowhere",
}

// classify skips what is not to be brought back. The certificates that each namespace gets are this cluster's, whoever has
// written into the map that was saved: see pkg/controller/certificates/rootcacertpublisher of kubernetes/kubernetes.
func (p *planner) classify(it *item, class manifests.Class) {
	if class == manifests.Bootstrap && it.furnished() {
		class = manifests.User
	}
	if kindOf(it.key) == ofConfigMaps && it.key.Name == "kube-root-ca.crt" {
		it.decide(Skip, "the control plane writes it in every namespace, with the certificates of the cluster")
	} else if !slices.Contains(p.opts.Classes, class) {
		it.decide(Skip, fmt.Sprintf("it is %s: %s", class, reasons[class]))
	}
}

// furnished reports whether it is the account that each namespace gets, with something that users have added, such as
// imagePullSecrets. No managedFields tell: API servers keep none for it.
func (it *item) furnished() bool {
	metadata, _ := it.body["metadata"].(map[string]any)
	return isDefault(it.key) && (len(it.body) > 3 || len(metadata) > 2)
}

// isDefault reports whether a key is of the account that the control plane makes in each namespace.
func isDefault(k manifests.Key) bool { return kindOf(k) == ofAccounts && k.Name == "default" }

// keep remembers what the cluster has, for the run to see whether it still does.
func (it *item) keep(live *unstructured.Unstructured) error {
	form, err := canonical(live.Object, it.resource, manifests.Faithful)
	if err != nil {
		return err
	}
	it.uid, it.faithful = string(live.GetUID()), form.Hash
	return nil
}

// still reports whether live is what keep has seen: its status and its version may be others.
func (it *item) still(live *unstructured.Unstructured) (bool, error) {
	form, err := canonical(live.Object, it.resource, manifests.Faithful)
	return err == nil && string(live.GetUID()) == it.uid && form.Hash == it.faithful, err
}
