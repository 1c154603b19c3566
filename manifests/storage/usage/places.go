package usage

import (
	"strings"

	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/clustersnap/clustersnap/internal/atrest"
	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/storage"
)

// A cluster with all its CRDs has a few hundred resources. Hostile keys, or those of an etcd that serves something
// else, have more than are told apart: those that come later are counted as one.
const (
	maxResources = 4096
	maxPlaces    = 65536
)

// where is what keys are counted by.
type where struct {
	use                        storage.Use
	group, resource, namespace string
}

func (w where) key(name string) manifests.Key {
	return manifests.Key{Group: w.group, Resource: w.resource, Namespace: w.namespace, Name: name}
}

// place is what is counted there.
type place struct {
	where
	kind string
	Sizes
}

// places gives a small number to each place.
type places struct {
	prefix    string
	number    map[where]uint32
	resources map[where]bool // without namespaces
	list      []place
}

func newPlaces(prefix string) *places {
	return &places{
		prefix:    prefix,
		number:    map[where]uint32{},
		resources: map[where]bool{},
	}
}

// of says where a key is counted, and what its name is there.
func (p *places) of(kv *mvccpb.KeyValue) (number uint32, name string) {
	w, name := p.locate(kv)
	name = short(name)
	if n, ok := p.number[w]; ok {
		return n, name
	}
	resource := where{use: w.use, group: w.group, resource: w.resource}
	switch known := p.resources[resource]; {
	case !known && len(p.resources) >= maxResources:
		w = where{use: storage.Unknown, resource: Others, namespace: Others}
		name = short(string(kv.Key))
	case len(p.list) >= maxPlaces:
		name = short(strings.TrimPrefix(w.namespace+"/"+name, "/"))
		w.namespace = Others
		p.resources[resource] = true
	default:
		p.resources[resource] = true
	}
	n, ok := p.number[w]
	if !ok {
		n = uint32(len(p.list))
		p.number[w] = n
		p.list = append(p.list, place{where: w})
	}
	return n, name
}

// locate takes a key apart. What is of no object goes by the first part of its key.
func (p *places) locate(kv *mvccpb.KeyValue) (w where, name string) {
	l := storage.Locate(kv.Key, p.prefix)
	if l.Use == storage.Unknown {
		if meta, err := storage.ReadMeta(kv.Value); err == nil {
			l = l.With(meta)
		}
	}
	if l.Use == storage.Object {
		return where{l.Use, short(l.Key.Group), short(l.Key.Resource), short(l.Key.Namespace)}, l.Key.Name
	}
	rest, below := atrest.Below(kv.Key, p.prefix)
	if !below {
		rest = string(kv.Key)
	}
	first, name, _ := strings.Cut(strings.TrimPrefix(rest, "/"), "/")
	return where{use: l.Use, resource: short(first)}, name
}

// short is a text that can be kept and shown: of bounded length, in UTF-8, and nothing else's memory.
func short(s string) string {
	kept := strings.ToValidUTF8(s[:min(len(s), maxName)], "\uFFFD")
	if len(s) > maxName || len(kept) > maxName {
		kept = strings.ToValidUTF8(kept[:min(len(kept), maxName-len("…"))], "") + "…"
	}
	return strings.Clone(kept)
}
