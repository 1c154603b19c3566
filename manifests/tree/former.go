package tree

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
)

// former reads what a tree holds, record by record, from its index and from the state that belongs to it.
type former struct {
	index    *indexReader
	state    *stateReader // nil if there is none of this index
	digest   [sha256.Size]byte
	hash     hash.Hash
	openings []io.Closer
}

// openFormer begins to read the index with this digest. The caller closes it.
func openFormer(root *os.Root, digest [sha256.Size]byte) (*former, error) {
	f := &former{digest: digest, hash: sha256.New()}
	err := f.open(root)
	if err != nil {
		return nil, errors.Join(err, f.close())
	}
	return f, nil
}

func (f *former) open(root *os.Root) error {
	in, err := openRegular(root.FS(), indexName)
	if err != nil {
		return err
	}
	f.openings = append(f.openings, in)
	if f.index, err = newIndexReader(io.TeeReader(in, f.hash)); err != nil {
		return fmt.Errorf("read %s: %w", indexName, err)
	}
	in, err = openRegular(root.FS(), stateName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	f.openings = append(f.openings, in)
	state, err := newStateReader(in)
	if err != nil {
		return badState(err)
	}
	if state.index == f.digest {
		f.state = state
	}
	return nil
}

func badState(err error) error {
	return fmt.Errorf("read %s: %w: the tree can do without this file: remove it", stateName, err)
}

// next gives the next record, or nil behind the last.
func (f *former) next() (*record, error) {
	r, err := f.index.next()
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", indexName, err)
	}
	if r == nil && [sha256.Size]byte(f.hash.Sum(nil)) != f.digest {
		return nil, fmt.Errorf("%w: somebody has changed %s meanwhile", ErrCorrupt, indexName)
	}
	if f.state == nil {
		return r, nil
	}
	known, ok, err := f.state.next()
	switch {
	case err != nil:
		return nil, badState(err)
	case ok != (r != nil):
		return nil, badState(fmt.Errorf("%w: it is of another number of objects", ErrCorrupt))
	case ok:
		r.know(known)
	}
	return r, nil
}

func (f *former) close() error {
	var err error
	for _, c := range f.openings {
		err = errors.Join(err, c.Close())
	}
	return err
}

// regularDigest gives the digest of a file, unless it is something else.
func regularDigest(root *os.Root, name string) (sum [sha256.Size]byte, err error) {
	f, err := openRegular(root.FS(), name)
	if err != nil {
		return sum, err
	}
	defer f.Close()
	h := sha256.New()
	_, err = io.Copy(h, f)
	return [sha256.Size]byte(h.Sum(nil)), err
}
