package apply

import (
	"context"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/clustersnap/clustersnap/manifests"
)

// kindName is a kind of a version, as objects say it.
type kindName struct{ apiVersion, kind string }

// kind is what is known of one.
type kind struct {
	resource   manifests.Resource
	definition *item  // the one that is to be brought back first, if the cluster does not serve the kind yet
	none       string // why there is none
	note       string // what is to be said of it
}

// kinds finds those of objects, in the cluster or else among the definitions that are to be brought back.
type kinds struct {
	cluster *Cluster
	known   map[kindName]kind
	planned map[kindName]kind
	groups  map[string][]string // the versions that are served of each, such as "apps/v1"
}

// add learns what a CustomResourceDefinition will serve.
func (k *kinds) add(definition *item) {
	spec, _ := value(definition.body, "spec").(map[string]any)
	for _, v := range items(spec, "versions") {
		if v["served"] != true {
			continue
		}
		r := manifests.Resource{
			Group: text(spec, "group"), Version: text(v, "name"), Resource: text(spec, "names", "plural"),
			Kind: text(spec, "names", "kind"), Namespaced: text(spec, "scope") == "Namespaced",
			Status: value(v, "subresources", "status") != nil,
		}
		k.planned[kindName{r.Group + "/" + r.Version, r.Kind}] = kind{resource: r, definition: definition}
	}
}

// find looks a kind up, each once: what the cluster does not serve makes it discover all that it does.
func (k *kinds) find(ctx context.Context, name kindName) (kind, error) {
	if found, ok := k.known[name]; ok {
		return found, nil
	}
	if planned, ok := k.planned[name]; ok && planned.definition.absent {
		return planned, nil // whatever was discovered before it was deleted
	}
	if _, err := schema.ParseGroupVersion(name.apiVersion); err != nil {
		return kind{none: fmt.Sprintf("%.100q is no apiVersion", name.apiVersion)}, nil
	}
	r, err := k.cluster.kinds.Lookup(ctx, name.apiVersion, name.kind)
	found := kind{resource: r}
	if meta.IsNoMatchError(err) {
		found, err = k.otherwise(ctx, name)
	}
	if err != nil {
		return kind{}, err
	}
	k.known[name] = found
	return found, nil
}

// otherwise is for a kind that the cluster does not serve as it was saved. Where the cluster has the definition, that of the
// plan may not be written, so it is the last to go by.
func (k *kinds) otherwise(ctx context.Context, name kindName) (kind, error) {
	r, err := k.inOtherVersion(ctx, name)
	if err != nil {
		return kind{}, fmt.Errorf("discover versions of %s: %w", name.apiVersion, err)
	}
	if r.Kind != "" {
		return kind{resource: r, note: fmt.Sprintf("it was saved as %s, which the cluster does not serve", name.apiVersion)}, nil
	}
	if planned, ok := k.planned[name]; ok {
		return planned, nil
	}
	return kind{none: fmt.Sprintf("the cluster does not serve %s of %s: install what serves it, or bring its "+
		"CustomResourceDefinition back as well", name.kind, name.apiVersion)}, nil
}

// inOtherVersion finds a kind in the versions of its group, the preferred one first. What etcd stores may be at a version that
// the server that has stored it does not serve.
func (k *kinds) inOtherVersion(ctx context.Context, name kindName) (manifests.Resource, error) {
	group, _, found := strings.Cut(name.apiVersion, "/")
	if !found {
		return manifests.Resource{}, nil // of the core group there is only one
	}
	if k.groups == nil {
		var err error
		if k.groups, err = k.cluster.groups(ctx); err != nil {
			return manifests.Resource{}, err
		}
	}
	for _, version := range k.groups[group] {
		r, err := k.cluster.kinds.Lookup(ctx, version, name.kind)
		if err == nil {
			return r, nil
		}
		if !meta.IsNoMatchError(err) {
			return manifests.Resource{}, err
		}
	}
	return manifests.Resource{}, nil
}
