package manifests

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
)

// metadataType asks for the metadata of objects only, and takes whole ones from a server that does not know this.
const metadataType = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1," + jsonType

// glimpse is what a list of one object shows.
type glimpse struct {
	listMeta
	objects int64  // about how many there are
	uid     string // of the first
}

// glance lists one object of a resource: now, consistently, or at a resource version if one is given.
func (d *dump) glance(ctx context.Context, l *listing, at string) (glimpse, error) {
	q := url.Values{"limit": {"1"}}
	if at != "" {
		q.Set("resourceVersion", at)
		q.Set("resourceVersionMatch", "Exact")
	}
	var seen glimpse
	err := retry(ctx, func() (err error) {
		seen = glimpse{}
		r := request{segments: l.segments(l.Namespace), query: q, accept: metadataType}
		seen.listMeta, err = d.cluster.part(ctx, d.pace, r, func(raw []byte) error {
			if seen.objects++; seen.objects > 1 {
				return nil
			}
			var object struct{ Metadata struct{ UID string } }
			err := json.Unmarshal(raw, &object)
			seen.uid = object.Metadata.UID
			return err
		})
		return err
	})
	if seen.RemainingItemCount != nil {
		seen.objects += *seen.RemainingItemCount
	}
	return seen, err
}

// reference finds a list to read the store's revision from, and sets the instant of the dump to what it gives.
func (d *dump) reference(ctx context.Context) (*listing, error) {
	candidates := slices.Clone(d.lists)
	slices.SortStableFunc(candidates, func(a, b *listing) int { return cmp.Compare(d.distance(a), d.distance(b)) })
	var errs []error
	for _, l := range candidates {
		seen, err := d.glance(ctx, l, "")
		switch {
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case err != nil:
			l.fail(err)
			errs = append(errs, fmt.Errorf("list %s: %w", l.Resource, err))
		case seen.numeric() && d.distance(l) < far:
			d.at.ResourceVersion = seen.ResourceVersion
			d.plan() // those that failed are asked once more, with all others
			return l, nil
		}
	}
	if len(errs) == 0 {
		return nil, errors.New("there is no resource to list: all are excluded, or none is stored")
	}
	return nil, fmt.Errorf("none of %d resources can be listed, so there is no instant to dump: %w", len(candidates), errs[0])
}

// far is the distance of what is surely of another store.
const far = 4

// distance says how unlikely it is that a resource lies in another store than most: events may be split out to an etcd of
// their own (--etcd-servers-overrides), and an aggregated API has its own store or none.
func (d *dump) distance(l *listing) int {
	switch {
	case d.aggregated(l.Resource):
		return far
	case l.Resource.Resource == "events":
		return 3
	case l.Group != "":
		return 2
	case l.Resource.Resource != namespaces.Resource:
		return 1
	default:
		return 0
	}
}

// aggregated reports whether a server behind kube-apiserver serves the resource.
func (d *dump) aggregated(r Resource) bool {
	return d.covered.services[version{r.Group, r.Version}].Spec.Service != nil
}

// probeAll looks at each list before it is read: whether it may be, whether its objects are stored, how many there are, and
// whether its resource version is one of the same store. It is if it lies between two of the reference: those before
// and after. Nothing but this look is needed of a list that was empty at the instant, as most are in a cluster at rest.
func (d *dump) probeAll(ctx context.Context, reference *listing) error {
	if err := d.run(ctx, d.lists, d.probe); err != nil {
		return err
	}
	more, err := d.byNamespace(ctx)
	if err != nil {
		return err
	}
	if err := d.run(ctx, more, d.probe); err != nil {
		return err
	}
	after, err := d.glance(ctx, reference, "")
	if err != nil {
		return fmt.Errorf("list %s: %w", reference.Resource, err)
	}
	for _, l := range d.lists {
		if l.ended {
			continue
		}
		l.foreign = d.foreign[l.scope()] || d.aggregated(l.Resource) ||
			revision(l.at) < revision(d.at.ResourceVersion) || revision(l.at) > revision(after.ResourceVersion)
		switch {
		case l.foreign:
		case l.empty && l.at == d.at.ResourceVersion: // it has been listed at the instant already
			l.end()
		default:
			l.at = d.at.ResourceVersion
		}
	}
	return d.unite(ctx)
}

// revision reads a resource version that is known to be a number.
func revision(resourceVersion string) uint64 {
	n, _ := strconv.ParseUint(resourceVersion, 10, 64)
	return n
}

func (d *dump) probe(ctx context.Context, l *listing) (again bool, err error) {
	seen, err := d.glance(ctx, l, "")
	switch {
	case ctx.Err() != nil:
		return false, context.Cause(ctx)
	case err != nil:
		l.fail(err)
	default:
		l.at, l.left = seen.ResourceVersion, seen.objects
		l.empty = seen.objects == 0 && seen.Continue == ""
		l.latest = !seen.numeric() // kube-apiserver always gives one: this is another server, and not asked about its past
	}
	return false, nil
}

// byNamespace puts a list for each namespace in the place of those that may not be listed as a whole, and gives these. The
// namespaces are those of the instant. If they may not be listed either, nothing changes.
func (d *dump) byNamespace(ctx context.Context) ([]*listing, error) {
	divisible := func(l *listing) bool { return l.State == Forbidden && l.Namespaced && l.Namespace == "" }
	if !slices.ContainsFunc(d.lists, divisible) {
		return nil, nil
	}
	names := make(map[string]bool)
	at := url.Values{"resourceVersion": {d.at.ResourceVersion}, "resourceVersionMatch": {"Exact"}}
	err := d.cluster.walk(ctx, d.pace, namespaces, at, func(raw []byte) error {
		var n struct{ Metadata struct{ Name string } }
		err := json.Unmarshal(raw, &n)
		names[n.Metadata.Name] = true
		return err
	})
	if refused(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", namespaces, err)
	}
	var rest, divided []*listing
	for _, l := range d.lists {
		if !divisible(l) || len(names) == 0 {
			rest = append(rest, l)
			continue
		}
		divided = append(divided, inEach(Outcome{Resource: l.Resource}, slices.Sorted(maps.Keys(names)))...)
	}
	d.lists = append(rest, divided...)
	return divided, nil
}

// unite leaves one list of those that show the same objects in several groups, as events do: their first objects at the
// same moment have the same uid.
func (d *dump) unite(ctx context.Context) error {
	alike := make(map[string][]*listing)
	for _, l := range d.lists {
		if !l.ended {
			name := l.Resource.Resource + " " + l.Namespace
			alike[name] = append(alike[name], l)
		}
	}
	for _, lists := range alike {
		if len(lists) < 2 {
			continue
		}
		slices.SortFunc(lists, func(a, b *listing) int { return byHome(a.Group, b.Group) })
		kept := make(map[string]*listing)
		for _, l := range lists {
			at := l.at
			if l.foreign {
				at = lists[0].at
			}
			seen, err := d.glance(ctx, l, at)
			switch first := kept[seen.uid]; {
			case ctx.Err() != nil:
				return context.Cause(ctx)
			case err != nil || seen.uid == "": // its own list will say more
			case first == nil:
				kept[seen.uid] = l
			default:
				l.ended = true
				l.State, l.Why = SameObjects, "its objects are those of "+first.Resource.String()
			}
		}
	}
	return nil
}
