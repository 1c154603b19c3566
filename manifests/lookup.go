package manifests

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// alone is how requests outside of a dump are sent.
func alone() pace { return pace{stall: defaultStall} }

// Resources gives what can be listed and is stored, sorted by group and plural, each at the version that a dump reads it at.
// The outcomes are of all the rest: what has no list, what is computed on request, what no server shows.
func (c *Cluster) Resources(ctx context.Context) ([]Resource, []Outcome, error) {
	catalog, err := c.discover(ctx, alone(), nil)
	if err != nil {
		return nil, nil, err
	}
	covered, err := c.cover(ctx, alone())
	if err != nil {
		return nil, nil, err
	}
	var resources []Resource
	outcomes := covered.unseen(catalog)
	for _, k := range catalog.kinds {
		if o, ok := k.outcome(); ok {
			resources = append(resources, k.Resource)
		} else {
			outcomes = append(outcomes, o)
		}
	}
	slices.SortFunc(outcomes, Outcome.compare)
	return resources, outcomes, nil
}

// Lookup finds the resource of a kind, such as Deployment of "apps/v1". Its version is that of apiVersion, whatever a dump
// reads it at. The error is a NoKindMatchError or NoResourceMatchError of k8s.io/apimachinery/pkg/api/meta if there is none.
func (c *Cluster) Lookup(ctx context.Context, apiVersion, kind string) (Resource, error) {
	gv, err := schema.ParseGroupVersion(apiVersion)
	if err != nil {
		return Resource{}, fmt.Errorf("look up %s: %w", kind, err)
	}
	none := &meta.NoKindMatchError{
		GroupKind: schema.GroupKind{Group: gv.Group, Kind: kind}, SearchedVersions: []string{gv.Version},
	}
	return c.look(ctx, none, func(k Resource) bool {
		return k.Group == gv.Group && k.Version == gv.Version && k.Kind == kind
	})
}

// resource finds the resource of a key, at the version that a dump reads it at.
func (c *Cluster) resource(ctx context.Context, key Key) (Resource, error) {
	none := &meta.NoResourceMatchError{
		PartialResource: schema.GroupVersionResource{Group: key.Group, Resource: key.Resource},
	}
	return c.look(ctx, none, func(k Resource) bool { return k.Group == key.Group && k.Resource == key.Resource })
}

// look finds a resource in what was last discovered, and if it is not there, as a new one is not, in what is there now.
func (c *Cluster) look(ctx context.Context, none error, wanted func(Resource) bool) (Resource, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, fresh := range []bool{false, true} {
		if fresh {
			now, err := c.discover(ctx, alone(), c.known)
			if err != nil {
				return Resource{}, err
			}
			c.known = now
		}
		if c.known == nil {
			continue
		}
		if r, ok := c.known.find(wanted); ok {
			return r, nil
		}
	}
	return Resource{}, none
}

// find looks first at the versions that a dump reads.
func (c *catalogue) find(wanted func(Resource) bool) (Resource, bool) {
	for _, k := range c.kinds {
		if wanted(k.Resource) {
			return k.Resource, true
		}
	}
	for _, root := range c.documents {
		for _, g := range root.groups {
			for _, v := range g.Versions {
				for _, r := range v.Resources {
					if k := resourceOf(g.Name, v.Version, r); k.Kind != "" && wanted(k) && !strings.Contains(k.Resource, "/") {
						return k, true
					}
				}
			}
		}
	}
	return Resource{}, false
}
