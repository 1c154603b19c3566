package usage

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
)

// report gathers what was counted.
func (c *counter) report() *Report {
	r := &Report{
		Prefix:    c.places.prefix,
		Revision:  c.revision,
		Compacted: c.opts.Compacted,
		Resources: c.resources(),
		Largest:   c.top(func(k *key) uint64 { return uint64(k.live) }),
		Heaviest:  c.top(func(k *key) uint64 { return k.stored }),
		Changing:  c.top(func(k *key) uint64 { return uint64(k.changes) }),
	}
	for _, resource := range r.Resources {
		r.Total.add(resource.Sizes)
	}
	return r
}

// resources gathers the places of each resource.
func (c *counter) resources() []Resource {
	objects := c.objects()
	number := map[where]int{}
	list := []Resource{}
	for i, p := range c.places.list {
		w := where{use: p.use, group: p.group, resource: p.resource}
		n, ok := number[w]
		if !ok {
			n = len(list)
			number[w] = n
			list = append(list, Resource{Group: p.group, Resource: p.resource, Use: p.use})
		}
		r := &list[n]
		r.Kind = cmp.Or(r.Kind, p.kind)
		r.add(p.Sizes)
		r.Namespaces = append(r.Namespaces, Namespace{Namespace: p.namespace, Sizes: p.Sizes, Objects: objects[uint32(i)]})
	}
	for _, r := range list {
		slices.SortFunc(r.Namespaces, func(a, b Namespace) int {
			return cmp.Or(cmp.Compare(b.RecordBytes, a.RecordBytes), cmp.Compare(a.Namespace, b.Namespace))
		})
	}
	slices.SortFunc(list, func(a, b Resource) int {
		return cmp.Or(cmp.Compare(b.RecordBytes, a.RecordBytes), cmp.Compare(a.Resource, b.Resource),
			cmp.Compare(a.Group, b.Group), cmp.Compare(a.Use, b.Use))
	})
	return list
}

// top lists the objects that are worth most, but none that is worth nothing.
func (c *counter) top(worth func(*key) uint64) []Object {
	order := func(a, b uint32) int {
		return cmp.Or(cmp.Compare(worth(c.keys.at(b)), worth(c.keys.at(a))), c.byName(a, b))
	}
	top := min(c.opts.Top, c.keys.n)
	best, least := make([]uint32, 0, 2*top), uint64(1)
	for n := range uint32(c.keys.n) {
		if worth(c.keys.at(n)) < least {
			continue
		}
		if best = append(best, n); len(best) == 2*top {
			slices.SortFunc(best, order)
			best = best[:top]
			least = worth(c.keys.at(best[top-1]))
		}
	}
	slices.SortFunc(best, order)
	return c.all(best[:min(len(best), top)])
}

// objects lists for each place those of its objects that store most.
func (c *counter) objects() map[uint32][]Object {
	if c.opts.Objects <= 0 {
		return nil
	}
	numbers := make([]uint32, c.keys.n)
	for n := range numbers {
		numbers[n] = uint32(n)
	}
	slices.SortFunc(numbers, func(a, b uint32) int {
		x, y := c.keys.at(a), c.keys.at(b)
		return cmp.Or(cmp.Compare(x.place, y.place), cmp.Compare(y.stored, x.stored), c.byName(a, b))
	})
	lists := map[uint32][]Object{}
	for len(numbers) > 0 {
		place := c.keys.at(numbers[0]).place
		n := slices.IndexFunc(numbers, func(n uint32) bool { return c.keys.at(n).place != place })
		if n < 0 {
			n = len(numbers)
		}
		lists[place] = c.all(numbers[:min(n, c.opts.Objects)])
		numbers = numbers[n:]
	}
	return lists
}

// byName orders keys where all else is the same.
func (c *counter) byName(a, b uint32) int {
	x, y := c.keys.at(a), c.keys.at(b)
	if x.place != y.place {
		v, w := c.places.list[x.place].where, c.places.list[y.place].where
		return cmp.Or(strings.Compare(v.resource, w.resource), strings.Compare(v.group, w.group),
			strings.Compare(v.namespace, w.namespace), cmp.Compare(v.use, w.use))
	}
	return bytes.Compare(c.keys.names.get(x.name), c.keys.names.get(y.name))
}

func (c *counter) all(numbers []uint32) []Object {
	list := make([]Object, 0, len(numbers))
	for _, n := range numbers {
		k := c.keys.at(n)
		p := c.places.list[k.place]
		list = append(list, Object{
			Key:           p.key(string(c.keys.names.get(k.name))),
			Kind:          p.kind,
			Bytes:         int64(k.live),
			ManagedFields: int64(k.managed),
			Records:       int64(k.records),
			RecordBytes:   int64(k.stored),
			Changes:       int64(k.changes),
			Version:       int64(k.version),
		})
	}
	return list
}
