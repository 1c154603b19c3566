package bolt

import "fmt"

// parseFreelist checks how many pages a free list has: if the header has no room for the number, the first entry is it.
func parseFreelist(p Page) (Page, error) {
	n, at := uint64(p.n), uint64(headerSize)
	if n == 1<<16-1 {
		n, at = le.Uint64(p.data[at:]), at+8
	}
	if n > (uint64(len(p.data))-at)/8 {
		return p, fmt.Errorf("%w: page %d lists %d free pages in %d bytes", ErrCorrupt, p.ID, n, len(p.data))
	}
	p.n, p.data = int(n), p.data[:at+8*n]
	return p, nil
}

// Free checks the free list, once all trees have been walked: bbolt will write over each page that is in it.
func (w *Walker) Free(list Page) error {
	if list.kind != freelistFlag {
		return fmt.Errorf("%w: page %d is not the free list", ErrCorrupt, w.meta.Freelist)
	}
	if err := w.mark(list.ID, list.Run()); err != nil {
		return err
	}
	last := uint64(1)
	for entries := list.data[len(list.data)-8*list.n:]; len(entries) > 0; entries = entries[8:] {
		id := le.Uint64(entries)
		if id <= last || id >= w.meta.Pages {
			return fmt.Errorf("%w: the free list has page %d of %d behind page %d", ErrCorrupt, id, w.meta.Pages, last)
		}
		if w.Reached(id) {
			return fmt.Errorf("%w: page %d is in use, and in the free list", ErrCorrupt, id)
		}
		last = id
	}
	return nil
}
