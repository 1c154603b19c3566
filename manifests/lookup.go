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
	c.keep(catalog)
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

// look finds a resource in what was last discovered, and if it is not there, as a new one is not, in what is there now. One
// lookup at a time discovers; those that wait look at what it has found first.
func (c *Cluster) look(ctx context.Context, none error, wanted func(Resource) bool) (Resource, error) {
	before := c.last()
	if r, ok := before.find(wanted); ok {
		return r, nil
	}
	select {
	case c.looking <- struct{}{}:
		defer func() { <-c.looking }()
	case <-ctx.Done():
		return Resource{}, context.Cause(ctx)
	}
	now := c.last()
	if now != before {
		if r, ok := now.find(wanted); ok {
			return r, nil
		}
	}
	now, err := c.discover(ctx, alone(), now)
	if err != nil {
		return Resource{}, err
	}
	c.keep(now)
	if r, ok := now.find(wanted); ok {
		return r, nil
	}
	return Resource{}, none
}

// last is what was last discovered, or nil.
func (c *Cluster) last() *catalogue {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.known
}

// keep has lookups know what was discovered. Whatever discovers does so: or an object that Get reads would not be in the
// form that a dump gave it, once its kind has another version or subresource.
func (c *Cluster) keep(now *catalogue) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known = now
}

// find looks first at the versions that a dump reads.
func (c *catalogue) find(wanted func(Resource) bool) (Resource, bool) {
	if c == nil {
		return Resource{}, false
	}
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
