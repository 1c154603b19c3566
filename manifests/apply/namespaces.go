package apply

import (
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clustersnap/clustersnap/manifests"
)

// namespace is where objects are to be brought back.
type namespace struct {
	item        *item // if the plan has it as well
	absent      bool
	terminating bool
}

// lookAtNamespaces finds out about those of all items.
func (p *planner) lookAtNamespaces(ctx context.Context, all []*item) error {
	var unknown []string
	for _, it := range all {
		name := it.Key.Namespace
		if name == "" || p.namespaces[name] != nil {
			continue
		}
		own := p.byKey[manifests.Key{Resource: "namespaces", Name: name}]
		ns := &namespace{item: own}
		p.namespaces[name] = ns
		switch {
		case own == nil || own.decided: // nobody has looked
			unknown = append(unknown, name)
		case own.absent:
			ns.absent = true
		default:
			ns.terminating = own.live.GetDeletionTimestamp() != nil
		}
	}
	return parallel(ctx, p.opts.Parallel, unknown, func(ctx context.Context, name string) error {
		ns := p.namespaces[name]
		r := manifests.Resource{Version: "v1", Resource: "namespaces", Kind: "Namespace"}
		live, err := p.cluster.at(r, "").Get(ctx, name, metav1.GetOptions{})
		switch {
		case apierrors.IsNotFound(err):
			ns.absent = true
		case err == nil:
			ns.terminating = live.GetDeletionTimestamp() != nil
		case !answered(err):
			return err
		}
		return nil // who may not look is told by the server what it makes of the object itself
	})
}
