package treemap

import (
	"slices"

	"github.com/clustersnap/clustersnap/manifests/storage/usage"
)

// maxObjects is how many objects are told apart: more would be less than a pixel each.
const maxObjects = 20_000

// colours is how many colours there are. Resources that come later share a grey one.
const colours = 10

func colour(i int) int { return min(i, colours) }

// node is a rectangle. Its fields have short names since there are many.
type node struct {
	Name     string  `json:"n"`
	Kind     string  `json:"k,omitempty"`
	Sizes    sizes   `json:"v"`
	Managed  int64   `json:"m,omitempty"` // bytes of managedFields
	Colour   *int    `json:"c,omitempty"` // of a resource
	Rest     bool    `json:"o,omitempty"` // it stands for objects that have no rectangle of their own
	Children []*node `json:"t,omitempty"`
}

// sizes are live bytes, all bytes, records and live keys.
type sizes [4]int64

func sizesOf(s usage.Sizes) sizes { return sizes{s.Bytes, s.RecordBytes, s.Records, s.Keys} }

func newTree(report *usage.Report) *node {
	shown := newBudget(report)
	root := &node{Name: "etcd", Sizes: sizesOf(report.Total), Managed: report.Total.ManagedFields}
	for i, r := range report.Resources {
		c := colour(i)
		n := &node{Name: resourceName(r), Kind: r.Kind, Sizes: sizesOf(r.Sizes), Managed: r.ManagedFields, Colour: &c}
		for _, in := range r.Namespaces {
			child := &node{Name: in.Namespace, Sizes: sizesOf(in.Sizes), Managed: in.ManagedFields, Children: objects(in, shown)}
			if in.Namespace == "" && len(r.Namespaces) == 1 { // objects of the cluster: no level of their own
				n.Children = child.Children
				continue
			}
			if child.Name == "" {
				child.Name = "(no namespace)"
			}
			n.Children = append(n.Children, child)
		}
		root.Children = append(root.Children, n)
	}
	return root
}

// objects are those of a namespace that are shown, and one node for the rest.
func objects(in usage.Namespace, shown *budget) []*node {
	var list []*node
	rest := &node{Name: "removed objects", Sizes: sizesOf(in.Sizes), Managed: in.ManagedFields, Rest: true}
	for _, o := range in.Objects {
		if !shown.take(o) {
			break
		}
		n := &node{Name: o.Name, Sizes: sizes{o.Bytes, o.RecordBytes, o.Records, live(o)}, Managed: o.ManagedFields}
		for i, size := range n.Sizes {
			rest.Sizes[i] -= size
		}
		rest.Managed -= n.Managed
		list = append(list, n)
	}
	if len(list) == 0 || rest.Sizes == (sizes{}) {
		return list
	}
	if n := rest.Sizes[3]; n > 0 {
		rest.Name = formatNumber(n) + " smaller objects"
	}
	return append(list, rest)
}

func live(o usage.Object) int64 {
	if o.Bytes > 0 {
		return 1
	}
	return 0
}

// budget says which objects are shown: those that store most bytes.
type budget struct {
	least int64 // bytes that an object has to store
	ties  int   // how many of these store no more than that
}

func newBudget(report *usage.Report) *budget {
	var all []int64
	for _, r := range report.Resources {
		for _, in := range r.Namespaces {
			for _, o := range in.Objects {
				all = append(all, o.RecordBytes)
			}
		}
	}
	if len(all) <= maxObjects {
		return &budget{}
	}
	slices.Sort(all)
	all = all[len(all)-maxObjects:]
	more := slices.IndexFunc(all, func(n int64) bool { return n > all[0] })
	if more < 0 {
		more = len(all)
	}
	return &budget{all[0], more}
}

func (b *budget) take(o usage.Object) bool {
	if o.RecordBytes == b.least && b.least > 0 {
		b.ties--
		return b.ties >= 0
	}
	return o.RecordBytes > b.least
}
