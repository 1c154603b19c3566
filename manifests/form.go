package manifests

import (
	"bufio"
	"io"
	"sync"
)

// form is what is asked of each object.
type form struct {
	accept string
	// firstPage is how many objects the first page of a list has at most: their size is not known then. pageSize is that of
	// the others.
	firstPage, pageSize int
	// split cuts a list into its objects, as they arrive.
	split func(w *worker, r io.Reader, contentType string, item func(raw []byte) error) (listMeta, error)
	// object is valid until the next call for the same worker.
	object func(w *worker, raw []byte, r Resource, level Level) (*Object, error)
}

// worker is what reading a page needs, kept for the next one.
type worker struct {
	buf           []byte
	canonicalizer Canonicalizer
	// These are for metadata only.
	packed bool // the page is in protobuf
	reader bufio.Reader
}

// workers are those that rest.
type workers struct{ pool sync.Pool }

// maxKept is the size up to which a buffer is kept.
const maxKept = 1 << 20

func (p *workers) get() *worker {
	if w, ok := p.pool.Get().(*worker); ok {
		return w
	}
	return &worker{buf: make([]byte, firstBuffer)}
}

func (p *workers) put(w *worker) {
	if len(w.buf) > maxKept {
		w.buf = make([]byte, firstBuffer)
	}
	p.pool.Put(w)
}

// canonicalForm asks for whole objects.
func canonicalForm() *form {
	return &form{
		accept: jsonType, firstPage: 100, pageSize: 500,
		split: func(w *worker, r io.Reader, _ string, item func(raw []byte) error) (listMeta, error) {
			return w.splitJSON(r, item)
		},
		object: func(w *worker, raw []byte, r Resource, level Level) (*Object, error) {
			return w.canonicalizer.Object(raw, r, level)
		},
	}
}

func (w *worker) splitJSON(r io.Reader, item func(raw []byte) error) (listMeta, error) {
	s := newSplitter(r, w.buf)
	defer func() { w.buf = s.buf }()
	return s.list(item)
}
