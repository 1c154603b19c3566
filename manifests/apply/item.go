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
	resource   manifests.Resource
	definition *item          // of its kind, if that is to be brought back first
	body       map[string]any // in portable form
	hash       string         // of that form
	note       string         // goes with whatever is decided
	decided    bool           // the step says what is to be done

	live   *unstructured.Unstructured // while it is planned: what the cluster has
	looked bool                       // for what the cluster has
	absent bool                       // the cluster had none when the plan began
	// What the cluster had when it was planned, if that is to be changed.
	uid, faithful string
	held          map[string]any // of a Secret: the whole object, for no sentence to show what is in it
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

// document is an object as it was given.
type document struct {
	head
	body  map[string]any
	class manifests.Class
}

// isDefinition reports whether it is a CustomResourceDefinition, of whatever version.
func (d document) isDefinition() bool {
	return d.kind == "CustomResourceDefinition" && strings.HasPrefix(d.apiVersion, ofDefinitions.group+"/")
}

// documents reads objects: definitions and others.
func documents(objects []Object) (definitions, others []document, err error) {
	for i, o := range objects {
		d := document{class: o.Class}
		if d.body, err = decode(o.Body); err == nil {
			d.head, err = headOf(d.body)
		}
		switch {
		case err != nil:
			return nil, nil, fmt.Errorf("read object %d of %d (%s %s): %w", i+1, len(objects), d.kind, d.name, err)
		case d.isDefinition():
			definitions = append(definitions, d)
		default:
			others = append(others, d)
		}
	}
	return definitions, others, nil
}

// read makes items of all objects, and finds out which of them the cluster has: first of definitions, since they say what
// other objects are.
func (p *planner) read(ctx context.Context, objects []Object) error {
	definitions, others, err := documents(objects)
	if err != nil {
		return err
	}
	if err := p.take(ctx, definitions); err != nil {
		return err
	}
	for _, it := range p.items {
		p.kinds.add(it)
	}
	return p.take(ctx, others)
}

// take makes items of documents, and looks for them in the cluster.
func (p *planner) take(ctx context.Context, documents []document) error {
	n := len(p.items)
	for _, d := range documents {
		it, err := p.item(ctx, d)
		if err != nil {
			return fmt.Errorf("read %s %s: %w", d.kind, d.name, err)
		}
		if p.byKey[it.Key] != nil {
			return fmt.Errorf("read objects: %s is among them twice", it.Key)
		}
		p.items, p.byKey[it.Key] = append(p.items, it), it
	}
	return p.each(ctx, p.items[n:], p.look)
}

// item makes one of an object. Its error is for what ends the whole plan.
func (p *planner) item(ctx context.Context, d document) (*item, error) {
	k, err := p.kinds.find(ctx, kindName{d.apiVersion, d.kind})
	if err != nil {
		return nil, err
	}
	r := k.resource
	if k.none != "" {
		gv, _ := schema.ParseGroupVersion(d.apiVersion) // what is none has no group
		r = manifests.Resource{Group: gv.Group, Version: gv.Version, Resource: d.kind}
	}
	it := &item{resource: r, definition: k.definition, body: d.body, note: k.note}
	it.Key = manifests.Key{Group: r.Group, Resource: r.Resource, Namespace: d.namespace, Name: d.name}
	it.Version, it.Kind = r.Version, d.kind
	if err := k.check(d.head); err != nil {
		it.block(err)
		return it, nil
	}
	if it.note != "" {
		it.body["apiVersion"] = r.Group + "/" + r.Version
	}
	form, err := it.normalize()
	if err != nil {
		it.block(err)
		return it, nil
	}
	p.classify(it, cmp.Or(d.class, form.Class))
	return it, nil
}

// normalize brings the body into portable form.
func (it *item) normalize() (*manifests.Object, error) {
	form, err := canonical(it.body, it.resource, manifests.Portable)
	if err == nil {
		it.hash = form.Hash
		it.body, err = fields(form)
	}
	return form, err
}

// starts reports whether an object starts work as soon as it is there, unless it is suspended.
func (it *item) starts() bool { k := kindOf(it.Key); return k == ofJobs || k == ofCronJobs }

// suspend keeps an object from starting work, unless the cluster has it at work already. What is suspended there, as by a
// plan before this one, stays so.
func (p *planner) suspend(it *item) error {
	spec, ok := it.body["spec"].(map[string]any)
	if !ok || !p.opts.Suspend || !it.starts() || it.live != nil && value(it.live.Object, "spec", "suspend") != true {
		return nil
	}
	spec["suspend"] = true
	_, err := it.normalize()
	return err
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
	if kindOf(it.Key) == ofConfigMaps && it.Key.Name == "kube-root-ca.crt" {
		it.decide(Skip, "the control plane writes it in every namespace, with the certificates of the cluster")
	} else if !slices.Contains(p.opts.Classes, class) {
		it.decide(Skip, fmt.Sprintf("it is %s: %s", class, reasons[class]))
	}
}

// furnished reports whether it is the account that each namespace gets, with something that users have added, such as
// imagePullSecrets. No managedFields tell: API servers keep none for it.
func (it *item) furnished() bool {
	metadata, _ := it.body["metadata"].(map[string]any)
	return isDefault(it.Key) && (len(it.body) > 3 || len(metadata) > 2)
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
	if kindOf(it.Key) == ofSecrets {
		it.held = live.Object
	}
	return nil
}

// still reports whether live is what keep has seen: its status and its version may be others.
func (it *item) still(live *unstructured.Unstructured) (bool, error) {
	form, err := canonical(live.Object, it.resource, manifests.Faithful)
	return err == nil && string(live.GetUID()) == it.uid && form.Hash == it.faithful, err
}
