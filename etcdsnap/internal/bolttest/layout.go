package bolttest

import (
	"cmp"
	"math/rand/v2"
)

// Bucket is one in the root bucket.
type Bucket struct {
	Name   string
	Items  []Item // in the order of their keys
	Inline bool
}

// Layout says how buckets are spread over pages. The zero value is for small ones.
type Layout struct {
	PageSize  int    // 0 means 4 KiB
	PerLeaf   int    // items of a leaf page; 0 means 4
	PerBranch int    // children of a branch page; 0 means 4
	PerRoot   int    // buckets of a leaf page of the root bucket; 0 means all
	Levels    int    // branch pages that have one child only, on top of each bucket's tree
	Seed      uint64 // of the order of pages in the file; 0 leaves each behind what it leads to
	Stale     bool   // free pages between the others: older copies of them, and what else free pages hold
	Freelist  bool   // the list of free pages is in the file
}

// node is a page to be: a leaf if it has no children.
type node struct {
	items    []Item
	children []*node
	id       uint64
	run      uint64
}

// Make lays out the buckets, which are in the order of their names.
func (l Layout) Make(buckets ...Bucket) *Database {
	l = l.withDefaults()
	var items []Item // of the root bucket
	var nodes []*node
	trees := map[string][]*node{}
	for _, b := range buckets {
		item := Item{Key: []byte(b.Name), Flags: BucketFlag, Value: make([]byte, 16)}
		if b.Inline {
			item.Value = append(item.Value, leaf(0, b.Items)...)
		} else {
			trees[b.Name] = tree(b.Items, l.PerLeaf, l.PerBranch, l.Levels)
			nodes = append(nodes, trees[b.Name]...)
		}
		items = append(items, item)
	}
	nodes = append(nodes, tree(items, cmp.Or(l.PerRoot, max(1, len(items))), l.PerBranch, 0)...)
	root := nodes[len(nodes)-1]
	for _, n := range nodes {
		n.run = uint64(len(n.page(l.PageSize)) / l.PageSize)
	}
	if l.Seed != 0 {
		rand.New(rand.NewPCG(l.Seed, 0)).Shuffle(len(nodes), func(i, j int) { nodes[i], nodes[j] = nodes[j], nodes[i] })
	}
	db := l.place(nodes)
	for i, item := range items {
		if t := trees[string(item.Key)]; t != nil {
			le.PutUint64(items[i].Value, t[len(t)-1].id)
		}
	}
	for _, n := range nodes {
		db.Put(n.id, n.page(l.PageSize))
	}
	db.Root = root.id
	for name, tree := range trees {
		for _, n := range tree {
			if n.children == nil {
				db.Leaves[name] = append(db.Leaves[name], n.id)
			} else {
				db.Branches[name] = append(db.Branches[name], n.id)
			}
		}
	}
	if l.Freelist {
		db.Freelist = db.Append(FreelistPage(l.PageSize, uint64(db.Pages()), db.Free...))
	}
	return db
}

func (l Layout) withDefaults() Layout {
	l.PageSize = cmp.Or(l.PageSize, 4<<10)
	l.PerLeaf = cmp.Or(l.PerLeaf, 4)
	l.PerBranch = cmp.Or(l.PerBranch, 4)
	return l
}

// tree gives the pages of a bucket: leaves, branches, the root last.
func tree(items []Item, perLeaf, perBranch, levels int) (nodes []*node) {
	var level []*node
	for rest := items; len(rest) > 0 || level == nil; {
		n := min(perLeaf, len(rest))
		level, rest = append(level, &node{items: rest[:n]}), rest[n:]
	}
	nodes = level
	for len(level) > 1 || levels > 0 && len(items) > 0 {
		if len(level) == 1 {
			levels--
		}
		var up []*node
		for rest := level; len(rest) > 0; {
			n := min(perBranch, len(rest))
			up, rest = append(up, &node{children: rest[:n]}), rest[n:]
		}
		nodes, level = append(nodes, up...), up
	}
	return nodes
}

func (n *node) first() []byte {
	if n.children != nil {
		return n.children[0].first()
	}
	if len(n.items) == 0 {
		return []byte("any")
	}
	return n.items[0].Key
}

func (n *node) page(pageSize int) []byte {
	if n.children == nil {
		return LeafPage(pageSize, n.id, n.items...)
	}
	var children []Child
	for _, c := range n.children {
		children = append(children, Child{c.first(), c.id})
	}
	return BranchPage(pageSize, n.id, children...)
}

// place gives each page its id, and makes the free ones between them.
func (l Layout) place(nodes []*node) *Database {
	db := &Database{
		PageSize: l.PageSize,
		Freelist: NoFreelist,
		Txid:     7,
		Leaves:   map[string][]uint64{},
		Branches: map[string][]uint64{},
		data:     make([]byte, 2*l.PageSize), // for the meta pages
	}
	for i, n := range nodes {
		if l.Stale {
			db.stale(i, n)
		}
		n.id = uint64(db.Pages())
		db.data = append(db.data, make([]byte, int(n.run)*l.PageSize)...)
	}
	return db
}

// stale adds a free page as they come: with a part of what is in a live one, with a branch that leads anywhere, with a
// run that has since been given to others, and with what was never a page.
func (db *Database) stale(i int, n *node) {
	id := uint64(db.Pages())
	var page []byte
	switch i % 4 {
	case 0:
		page = LeafPage(db.PageSize, id, n.items[:len(n.items)/2]...)
	case 1:
		page = BranchPage(db.PageSize, id, Child{[]byte("a"), 1 << 40}, Child{[]byte("b"), id}, Child{[]byte("c"), 2})
	case 2:
		page = LeafPage(db.PageSize, id, n.items...)[:db.PageSize]
		SetOverflow(page, 2)
	case 3:
		page = make([]byte, db.PageSize)
		for j := range page {
			page[j] = byte(j * 7)
		}
		SetID(page, id)
		SetKind(page, LeafKind)
	}
	for at := range len(page) / db.PageSize {
		db.Free = append(db.Free, id+uint64(at))
	}
	db.Append(page)
}
