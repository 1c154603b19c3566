package tree

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"io/fs"
	"path"
	"slices"

	"github.com/clustersnap/clustersnap/manifests"
)

// merge decides what becomes of each object, and looks whether it can be done. It changes nothing but the stage.
func (t *Tree) merge(report *manifests.Report) (*merged, Changes, error) {
	if err := t.accept(report); err != nil {
		return nil, Changes{}, err
	}
	m := &merged{
		index: index{selection: report.Selection, secrets: t.opts.Secrets, outcomes: quiet(report.Outcomes)},
		tree:  t, seen: coverage(report, t.held.has, t.dump.has), sealed: map[manifests.Key]*record{},
	}
	p := &placing{tree: t, missing: map[string]bool{}, adopted: map[string]bool{}}
	hash := sha256.New()
	err := m.writeEach(hash, func(each func(*record)) error {
		return m.walk(func(f fate, old, next *record) error {
			if next != nil {
				p.changes.count(next)
				each(next)
			}
			return p.place(f, old, next)
		})
	})
	if err != nil {
		return nil, Changes{}, err
	}
	if len(p.stray.Paths) > 0 {
		slices.Sort(p.stray.Paths)
		return nil, Changes{}, &p.stray
	}
	m.digest, m.removes = [sha256.Size]byte(hash.Sum(nil)), slices.Clone(p.changes.Removed)
	slices.Sort(m.removes)
	p.finish()
	return m, p.changes, nil
}

// count counts an object that the tree is to hold.
func (c *Changes) count(r *record) {
	c.Objects++
	if r.form == excluded {
		c.Excluded++
	}
}

// placing tells what the staged files are to the tree, and makes sure that they can go to their places.
type placing struct {
	tree    *Tree
	changes Changes
	stray   StrayError
	missing map[string]bool // directories that are yet to be made, in which nothing can be in the way
	adopted map[string]bool // strays that are what is to be there anyway
}

// place takes in what becomes of one object.
func (p *placing) place(f fate, old, next *record) error {
	was, is := pathOf(old), pathOf(next)
	if f == kept {
		p.keep(next)
	}
	if next != nil && next.staged {
		p.report(old, next)
		if err := p.check(is, was == is, next.sum); err != nil {
			return err
		}
		if _, stray := slices.BinarySearch(p.tree.strays, is); stray {
			p.adopted[is] = true
		}
	}
	if was == "" || was == is || f == kept && next.form == excluded {
		return nil // the last is a Secret whose file is missing
	}
	p.changes.Removed = append(p.changes.Removed, was)
	return p.check(was, true, [sha256.Size]byte{})
}

func pathOf(r *record) string {
	if r == nil {
		return ""
	}
	return r.path()
}

func (p *placing) keep(r *record) {
	at := cmp.Or(r.path(), Path(r.Key))
	p.changes.Kept = append(p.changes.Kept, at)
	if !r.intact {
		p.changes.Lost = append(p.changes.Lost, at)
	}
}

func (p *placing) report(old, next *record) {
	c, is := &p.changes, next.path()
	switch {
	case old == nil || old.form == excluded:
		c.Added = append(c.Added, is)
	case old.path() == is && old.sum == next.sum:
		c.Healed = append(c.Healed, is)
	default:
		c.Changed = append(c.Changed, is)
	}
}

// check reports a path at which something lies that may not be replaced.
func (p *placing) check(at string, known bool, sum [sha256.Size]byte) error {
	if p.missing[path.Dir(at)] {
		return nil
	}
	free, err := p.free(at, known, sum)
	if !free {
		p.stray.Paths = append(p.stray.Paths, at)
	}
	return err
}

// free reports whether what lies at a path may be replaced: nothing, a file that the index knows, or one with the same
// content.
func (p *placing) free(at string, known bool, sum [sha256.Size]byte) (bool, error) {
	for dir := path.Dir(at); dir != "."; dir = path.Dir(dir) {
		if _, in := slices.BinarySearch(p.tree.strays, dir); in {
			return false, nil // where a directory has to be
		}
	}
	info, err := p.tree.root.Lstat(at)
	if errors.Is(err, fs.ErrNotExist) {
		there, err := exists(p.tree.root, path.Dir(at))
		p.missing[path.Dir(at)] = err == nil && !there
		return true, err
	}
	if err != nil || !info.Mode().IsRegular() || known {
		return err == nil && info.Mode().IsRegular(), err
	}
	is, err := digestOf(p.tree.root, at)
	return is == sum, err
}

// finish brings the changes into the order that they are told in.
func (p *placing) finish() {
	c := &p.changes
	for _, at := range p.tree.strays {
		if !p.adopted[at] {
			c.Strays = append(c.Strays, at)
		}
	}
	for _, list := range [][]string{c.Added, c.Changed, c.Removed, c.Healed, c.Kept, c.Lost} {
		slices.Sort(list)
	}
}
