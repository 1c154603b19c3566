package manifests

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"mime"
	"slices"
	"strings"

	apidiscovery "k8s.io/api/apidiscovery/v2"
)

// maxDiscovery bounds a discovery document. That of a cluster with a thousand custom resources has some 2 MiB.
const maxDiscovery = 64 << 20

// aggregated asks for all groups, versions and resources in one document, and takes what older servers have: the same
// document as v2beta1 from 1.26 on (KEP-3352), and a list of groups before that.
const aggregated = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList," +
	"application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList," + jsonType

// kind is a resource that discovery shows, and what can be done with it.
type kind struct {
	Resource
	verbs []string
}

func (k kind) can(verb string) bool { return slices.Contains(k.verbs, verb) }

// version is one version of a group.
type version struct{ group, version string }

// service is the name of the APIService that stands for the version.
func (v version) service() string { return v.version + "." + v.group }

// catalogue is what discovery shows.
type catalogue struct {
	kinds    []kind // each resource once, at the version it is read at, sorted
	versions map[version]bool
	stale    []version // what the server itself could not discover, sorted
	// unread are the resources that only stale versions have, as far as the server remembers them.
	unread    []Resource
	documents map[string]discoveryDocument // by root
}

// discoveryDocument is one of the two discovery documents: /api is that of the core group, /apis of all others.
type discoveryDocument struct {
	etag   string
	groups []apidiscovery.APIGroupDiscovery
}

// discover reads what the server serves. A catalogue from before, which may be nil, saves what has not changed since.
func (c *Cluster) discover(ctx context.Context, p pace, before *catalogue) (*catalogue, error) {
	now := &catalogue{versions: make(map[version]bool), documents: make(map[string]discoveryDocument)}
	for _, root := range []string{"api", "apis"} {
		var old discoveryDocument
		if before != nil {
			old = before.documents[root]
		}
		d, err := c.discoverAt(ctx, p, root, old)
		if err != nil {
			return nil, fmt.Errorf("discover resources at /%s: %w", root, err)
		}
		now.documents[root] = d
		for _, g := range d.groups {
			now.add(g)
		}
	}
	slices.SortFunc(now.kinds, func(a, b kind) int { return a.compare(b.Resource) })
	slices.SortFunc(now.unread, Resource.compare)
	slices.SortFunc(now.stale, func(a, b version) int {
		return cmp.Or(cmp.Compare(a.group, b.group), cmp.Compare(a.version, b.version))
	})
	return now, nil
}

func (c *Cluster) discoverAt(ctx context.Context, p pace, root string, old discoveryDocument) (discoveryDocument, error) {
	body, header, err := c.read(ctx, p, request{segments: []string{root}, accept: aggregated, etag: old.etag}, maxDiscovery)
	if err != nil {
		return discoveryDocument{}, err
	}
	if len(body) == 0 && old.etag != "" { // 304, not modified
		return old, nil
	}
	_, params, _ := mime.ParseMediaType(header.Get("Content-Type"))
	if params["as"] != "APIGroupDiscoveryList" {
		groups, err := c.discoverEach(ctx, p, root, body)
		return discoveryDocument{groups: groups}, err
	}
	var list apidiscovery.APIGroupDiscoveryList
	if err := json.Unmarshal(body, &list); err != nil {
		return discoveryDocument{}, err
	}
	return discoveryDocument{header.Get("Etag"), list.Items}, nil
}

// add takes each resource of a group at the first version, in the server's order of preference, that can be listed, or
// else at the first that has it. A version that the server could not discover is never passed over for
// the next one without a word: it is stale.
func (c *catalogue) add(group apidiscovery.APIGroupDiscovery) {
	at := make(map[string]int) // of a resource in kinds
	var unread []Resource
	for _, v := range group.Versions {
		c.versions[version{group.Name, v.Version}] = true
		stale := v.Freshness == apidiscovery.DiscoveryFreshnessStale
		if stale {
			c.stale = append(c.stale, version{group.Name, v.Version})
		}
		for _, r := range v.Resources {
			k := kind{resourceOf(group.Name, v.Version, r), r.Verbs}
			i, known := at[r.Resource]
			switch {
			case stale:
				unread = append(unread, k.Resource)
			case !known:
				at[r.Resource] = len(c.kinds)
				c.kinds = append(c.kinds, k)
			case !c.kinds[i].listable() && k.listable():
				c.kinds[i] = k
			}
		}
	}
	for _, r := range unread {
		if _, known := at[r.Resource]; !known {
			at[r.Resource] = -1
			c.unread = append(c.unread, r)
		}
	}
}

func resourceOf(group, version string, r apidiscovery.APIResourceDiscovery) Resource {
	out := Resource{Group: group, Version: version, Resource: r.Resource, Namespaced: r.Scope == apidiscovery.ScopeNamespace}
	if r.ResponseKind != nil {
		out.Kind = r.ResponseKind.Kind
	}
	for _, sub := range r.Subresources {
		out.Status = out.Status || sub.Subresource == "status"
	}
	return out
}

// listable reports whether there are objects to list: a resource without kind is known by its subresources only.
func (k kind) listable() bool { return k.Kind != "" && k.can("list") }

// compare orders resources by group and then by plural.
func (r Resource) compare(other Resource) int {
	return cmp.Or(
		cmp.Compare(r.Group, other.Group), cmp.Compare(r.Resource, other.Resource), cmp.Compare(r.Version, other.Version),
	)
}

// String writes a resource as kubectl takes it: deployments.apps.
func (r Resource) String() string {
	if r.Group == "" {
		return r.Resource
	}
	return r.Resource + "." + r.Group
}

// byHome orders groups that serve the same objects, the best first: Kubernetes' own before those of a vendor, and of its
// own those that came after the core group and extensions, from which much has moved.
func byHome(a, b string) int {
	rank := func(group string) int {
		switch {
		case group == "", group == "extensions":
			return 1
		case strings.HasSuffix(group, ".k8s.io"), !strings.Contains(group, "."):
			return 0
		default:
			return 2
		}
	}
	return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a, b))
}
