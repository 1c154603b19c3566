package bolt

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
)

// File reads the pages of a database by pread.
type File struct {
	r io.ReaderAt
	Metas
}

// OpenFile reads the meta pages of a database of size bytes.
func OpenFile(r io.ReaderAt, size int64) (*File, error) {
	head := make([]byte, min(size, HeadSize))
	if err := readAt(r, head, 0); err != nil {
		return nil, err
	}
	metas, err := ParseMetas(head)
	if err != nil {
		return nil, err
	}
	if metas.Size() > size {
		return nil, fmt.Errorf("%w: it ends after %d of %d bytes: %w", ErrCorrupt, size, metas.Size(), io.ErrUnexpectedEOF)
	}
	return &File{r, metas}, nil
}

// Page reads a branch or leaf page into buf, which is given back, larger if it had to be.
func (f *File) Page(id uint64, buf []byte) (p Page, _ []byte, err error) {
	if id < 2 || id >= f.Pages {
		return Page{}, buf, fmt.Errorf("%w: page %d of %d is asked for", ErrCorrupt, id, f.Pages)
	}
	p, buf, err = f.read(id, buf)
	if err == nil && !p.IsLeaf() && !p.IsBranch() {
		err = fmt.Errorf("%w: page %d is neither branch nor leaf", ErrCorrupt, id)
	}
	return p, buf, err
}

// FreePages reads the free list, if there is one.
func (f *File) FreePages() (Page, error) {
	p, _, err := f.read(f.Freelist, nil)
	return p, err
}

// read gives a page of any kind that counts, or an empty one.
func (f *File) read(id uint64, buf []byte) (p Page, _ []byte, err error) {
	at := int64(id) * int64(f.PageSize)
	buf = grow(buf, f.PageSize)
	if err := readAt(f.r, buf, at); err != nil {
		return Page{}, buf, err
	}
	run, err := runOf(buf, id, f.Meta)
	if err != nil || run == 0 {
		return Page{}, buf, err
	}
	buf = grow(buf, int(run)*f.PageSize)
	if err := readAt(f.r, buf[f.PageSize:], at+int64(f.PageSize)); err != nil {
		return Page{}, buf, err
	}
	p, err = parsePage(buf, id)
	return p, buf, err
}

// Last reads the last leaf page of the tree at root.
func (f *File) Last(root uint64) (Page, error) {
	for range maxDepth {
		p, _, err := f.Page(root, nil)
		if err != nil || p.IsLeaf() {
			return p, err
		}
		if p.n == 0 {
			return p, fmt.Errorf("%w: branch page %d is empty", ErrCorrupt, root)
		}
		_, root = p.Branch(p.n - 1)
	}
	return Page{}, fmt.Errorf("%w: the tree is deeper than %d pages", ErrCorrupt, maxDepth)
}

// grow makes buf n bytes long, and keeps what is in it.
func grow(buf []byte, n int) []byte { return slices.Grow(buf, max(0, n-len(buf)))[:n] }

// readAt fills b: an end before that is unexpected.
func readAt(r io.ReaderAt, b []byte, at int64) error {
	n, err := r.ReadAt(b, at)
	if n == len(b) {
		return nil
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("read %d bytes at %d: %w", len(b), at, err)
}

// Snapshot reads the database as bbolt copies it: both meta pages are of the transaction that counts, and
// nothing follows the last page.
func (f *File) Snapshot() io.Reader {
	metas := f.AppendPages(nil)
	at := int64(len(metas))
	return io.MultiReader(bytes.NewReader(metas), io.NewSectionReader(f.r, at, f.Size()-at))
}
