package manifests

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	apidiscovery "k8s.io/api/apidiscovery/v2"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// discoverEach asks for each version by itself, of a server that has no aggregated discovery. body is what lies at a root.
// A version that does not answer is stale, as in the aggregated document.
func (c *Cluster) discoverEach(
	ctx context.Context, p pace, root string, body []byte,
) ([]apidiscovery.APIGroupDiscovery, error) {
	groups, err := listed(root, body)
	if err != nil {
		return nil, err
	}
	for i := range groups {
		g := &groups[i]
		for j := range g.Versions {
			v := &g.Versions[j]
			segments := slices.DeleteFunc([]string{root, g.Name, v.Version}, func(s string) bool { return s == "" })
			body, _, err := c.read(ctx, p, request{segments: segments}, maxDiscovery)
			var status *apierrors.StatusError
			switch {
			case err == nil:
				if v.Resources, err = resourcesOf(body); err != nil {
					return nil, fmt.Errorf("%s: %w", strings.Join(segments, "/"), err)
				}
			case errors.As(err, &status):
				v.Freshness = apidiscovery.DiscoveryFreshnessStale
			default:
				return nil, err
			}
		}
	}
	return groups, nil
}

// listed reads the groups and versions that lie at a root: an APIVersions at /api, an APIGroupList at /apis.
func listed(root string, body []byte) ([]apidiscovery.APIGroupDiscovery, error) {
	var document struct {
		Versions []string          `json:"versions"`
		Groups   []metav1.APIGroup `json:"groups"`
	}
	if err := json.Unmarshal(body, &document); err != nil {
		return nil, err
	}
	if root == "api" {
		var core apidiscovery.APIGroupDiscovery
		for _, v := range document.Versions {
			core.Versions = append(core.Versions, apidiscovery.APIVersionDiscovery{Version: v})
		}
		return []apidiscovery.APIGroupDiscovery{core}, nil
	}
	var groups []apidiscovery.APIGroupDiscovery
	for _, g := range document.Groups {
		group := apidiscovery.APIGroupDiscovery{ObjectMeta: metav1.ObjectMeta{Name: g.Name}}
		for _, v := range g.Versions {
			group.Versions = append(group.Versions, apidiscovery.APIVersionDiscovery{Version: v.Version})
		}
		slices.SortStableFunc(group.Versions, func(a, b apidiscovery.APIVersionDiscovery) int {
			return preferred(b, g) - preferred(a, g)
		})
		groups = append(groups, group)
	}
	return groups, nil
}

func preferred(v apidiscovery.APIVersionDiscovery, g metav1.APIGroup) int {
	if v.Version == g.PreferredVersion.Version {
		return 1
	}
	return 0
}

// resourcesOf reads an APIResourceList, in which a subresource is a resource with a slash in its name.
func resourcesOf(body []byte) ([]apidiscovery.APIResourceDiscovery, error) {
	var list metav1.APIResourceList
	if err := json.Unmarshal(body, &list); err != nil {
		return nil, err
	}
	var resources []apidiscovery.APIResourceDiscovery
	subresources := make(map[string][]apidiscovery.APISubresourceDiscovery)
	for _, r := range list.APIResources {
		if parent, sub, ok := strings.Cut(r.Name, "/"); ok {
			subresources[parent] = append(subresources[parent], apidiscovery.APISubresourceDiscovery{Subresource: sub})
			continue
		}
		scope := apidiscovery.ScopeCluster
		if r.Namespaced {
			scope = apidiscovery.ScopeNamespace
		}
		resources = append(resources, apidiscovery.APIResourceDiscovery{
			Resource: r.Name, ResponseKind: &metav1.GroupVersionKind{Kind: r.Kind}, Scope: scope, Verbs: r.Verbs,
		})
	}
	for i := range resources {
		resources[i].Subresources = subresources[resources[i].Resource]
	}
	return resources, nil
}
