package apply

import (
	"context"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/clustersnap/clustersnap/manifests"
)

// kindName is a kind of a version, as objects say it.
type kindName struct{ apiVersion, kind string }

// kind is what is known of one.
type kind struct {
	resource   manifests.Resource
	definition *item  // the one that is to be brought back first, if the cluster does not serve the kind yet
	none       string // why there is none
}

// kinds finds those of objects, in the cluster or else among the definitions that are to be brought back.
type kinds struct {
	cluster *manifests.Cluster
	known   map[kindName]kind
	planned map[kindName]kind
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
	r, err := k.cluster.Lookup(ctx, name.apiVersion, name.kind)
	found := kind{resource: r}
	switch {
	case err == nil:
	case !meta.IsNoMatchError(err):
		if strings.Count(name.apiVersion, "/") > 1 {
			found.none = fmt.Sprintf("%.100q is no apiVersion", name.apiVersion)
			break
		}
		return kind{}, err
	default:
		var planned bool
		if found, planned = k.planned[name]; !planned {
			found.none = fmt.Sprintf("the cluster does not serve %s of %s: install what serves it, bring its "+
				"CustomResourceDefinition back as well, or convert the object to a version that is served", name.kind, name.apiVersion)
		}
	}
	k.known[name] = found
	return found, nil
}
