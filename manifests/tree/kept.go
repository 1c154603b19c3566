package tree

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
)

// keep takes over an object that was not listed.
func (m *merged) keep(old *record) (*record, error) {
	if sealed := m.sealed[old.Key]; sealed != nil {
		return sealed, nil
	}
	t, r := m.tree, *old
	h := t.held.find(fingerprintOf(Path(r.Key)))
	if h == nil {
		return nil, fmt.Errorf("%w: somebody has changed %s meanwhile", ErrCorrupt, indexName)
	}
	r.intact, r.modified = h.intact, h.modified
	r.asOf = cmp.Or(r.asOf, t.at.ResourceVersion, "unknown")
	if isSecret(r.Key) && r.form == plain && t.opts.Secrets == Encrypt {
		if err := t.sealKept(&r); err != nil {
			return nil, fmt.Errorf("encrypt %v, which was not listed: %w", r.Key, err)
		}
		m.sealed[r.Key] = &r
	}
	return &r, nil
}

// sealKept encrypts a Secret from the tree itself: nobody expects one in the clear in a tree that says it encrypts them.
// One whose file is missing counts as excluded, or the index would still have a digest that guesses can be held against.
func (t *Tree) sealKept(r *record) error {
	text, err := (&Saved{fsys: t.root.FS()}).stored(r)
	if errors.Is(err, fs.ErrNotExist) {
		r.form, r.size, r.sum, r.modified = excluded, 0, [32]byte{}, 0
		return nil
	}
	if err != nil {
		return fmt.Errorf("%w: remove the file, or let Secrets be listed", err)
	}
	body, err := seal(text, t.opts.Recipients)
	if err != nil {
		return err
	}
	r.form, r.mac = encrypted, t.opts.mac(t.readers, r.Key, text)
	r.size, r.sum, r.intact = int64(len(body)), sha256.Sum256(body), true
	return t.dump.put(t, body, r)
}
