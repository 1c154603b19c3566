package bolt

import (
	"bytes"
	"fmt"
)

// maxDepth is that of a tree: bbolt's have 3 or 4 levels at 8 GiB.
const maxDepth = 32

// Branches is where a walk finds the branch pages. Ok is false if the page is not one.
type Branches interface {
	Branch(id uint64) (page Page, ok bool, err error)
}

// Walker goes through the trees of a database, and sees to it that no page is in two places.
type Walker struct {
	meta     Meta
	branches Branches
	seen     []uint64 // a bit for each page
	used     uint64
}

// NewWalker begins with the meta pages.
func NewWalker(m Meta, branches Branches) *Walker {
	w := &Walker{meta: m, branches: branches, seen: make([]uint64, m.Pages/64+1), used: 2}
	w.seen[0] = 1<<0 | 1<<1
	return w
}

// Used is how many pages have been reached.
func (w *Walker) Used() uint64 { return w.used }

// Reached reports whether a page has been.
func (w *Walker) Reached(id uint64) bool { return w.seen[id/64]&(1<<(id%64)) != 0 }

// Walk goes through the tree at root in the order of its keys. It calls leaf for each page that is no branch, which
// checks that the keys of the page are not below low and are below high, where these are not nil, and says how
// many pages it takes.
func (w *Walker) Walk(root uint64, leaf func(id uint64, low, high []byte) (run uint64, err error)) error {
	return w.walk(root, nil, nil, maxDepth, leaf)
}

func (w *Walker) walk(id uint64, low, high []byte, depth int, leaf func(id uint64, low, high []byte) (uint64, error)) error {
	if id < 2 || id >= w.meta.Pages {
		return fmt.Errorf("%w: a branch leads to page %d of %d", ErrCorrupt, id, w.meta.Pages)
	}
	if depth == 0 {
		return fmt.Errorf("%w: the tree is deeper than %d pages", ErrCorrupt, maxDepth)
	}
	if w.Reached(id) { // before anything is read: a hostile tree leads to the same page over and over
		return fmt.Errorf("%w: page %d is in two places", ErrCorrupt, id)
	}
	p, ok, err := w.branches.Branch(id)
	if err != nil {
		return err
	}
	if !ok {
		run, err := leaf(id, low, high)
		if err != nil {
			return err
		}
		return w.mark(id, run)
	}
	if err := w.mark(id, p.Run()); err != nil {
		return err
	}
	if p.n == 0 {
		return fmt.Errorf("%w: branch page %d is empty", ErrCorrupt, id)
	}
	if first, _ := p.Branch(0); !within(first, low, high) {
		return fmt.Errorf("%w: branch page %d begins outside of the keys that lead to it", ErrCorrupt, id)
	}
	if last, _ := p.Branch(p.n - 1); !within(last, low, high) {
		return fmt.Errorf("%w: branch page %d ends outside of the keys that lead to it", ErrCorrupt, id)
	}
	for i := range p.n {
		key, child := p.Branch(i)
		next := high
		if i+1 < p.n {
			next, _ = p.Branch(i + 1)
		}
		if err := w.walk(child, key, next, depth-1, leaf); err != nil {
			return err
		}
	}
	return nil
}

// mark notes the pages of a run.
func (w *Walker) mark(id, run uint64) error {
	if run > w.meta.Pages-id {
		return fmt.Errorf("%w: page %d goes on behind the end", ErrCorrupt, id)
	}
	for i := id; i < id+run; i++ {
		if w.Reached(i) {
			return fmt.Errorf("%w: page %d is in two places", ErrCorrupt, i)
		}
		w.seen[i/64] |= 1 << (i % 64)
	}
	w.used += run
	return nil
}

func within(key, low, high []byte) bool {
	return (low == nil || bytes.Compare(key, low) >= 0) && (high == nil || bytes.Compare(key, high) < 0)
}

// Within checks the keys of a leaf page against what leads to it.
func (p Page) Within(low, high []byte) error {
	if p.n == 0 {
		return nil
	}
	first, _, _ := p.Leaf(0)
	last, _, _ := p.Leaf(p.n - 1)
	if !within(first, low, high) || !within(last, low, high) {
		return fmt.Errorf("%w: leaf page %d has keys outside of those that lead to it", ErrCorrupt, p.ID)
	}
	return nil
}
