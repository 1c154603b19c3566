package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"gocloud.dev/blob"
)

// The window is what is asked of the server at once: small where a reader jumps, since what is not read was sent in vain, and
// twice as large each time that it goes on where the last one ended.
const (
	firstWindow = 256 << 10
	lastWindow  = 32 << 20
	readTries   = 3 // each is several of the driver's, with pauses between
)

// Reader reads a stored set by ranges. It is an io.ReaderAt for many goroutines, which wait for each other.
type Reader struct {
	ctx   context.Context //nolint:containedctx // io.ReaderAt has none
	store *Store
	key   string
	size  int64
	time  time.Time // of the last change, once it is known

	mu     sync.Mutex
	body   *blob.Reader // nil if none is open
	guard  *guard
	at     int64 // of the next byte of body
	end    int64 // of body
	window int64
}

// OpenSet opens a committed set for reading, as clustersnap.Open and age.DecryptReaderAt want it: what is read is fetched, and
// not much more. The context is that of all reads. The caller closes the reader.
func (s *Store) OpenSet(ctx context.Context, set string) (*Reader, Receipt, error) {
	r, err := s.Receipt(ctx, set)
	if err != nil {
		return nil, Receipt{}, err
	}
	return s.reader(ctx, set, r.Size), r, nil
}

func (s *Store) reader(ctx context.Context, set string, size int64) *Reader {
	return &Reader{ctx: ctx, store: s, key: s.prefix + set, size: size, window: firstWindow}
}

// Size is in bytes.
func (r *Reader) Size() int64 { return r.size }

// ReadAt fills p from an offset.
func (r *Reader) ReadAt(p []byte, off int64) (n int, err error) {
	if off < 0 {
		return 0, fmt.Errorf("read %s: negative offset", r.key)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	// The tries are those of one ReadAt: a server that breaks off after each byte is given up.
	for tries := 0; n < len(p) && off+int64(n) < r.size; {
		var got int
		if err = r.seek(off + int64(n)); err == nil {
			r.guard.moved()
			got, err = r.body.Read(p[n:min(len(p), n+int(r.end-r.at))])
			r.guard.rest()
			n += got
			r.at += int64(got)
		}
		if got > 0 && (err == nil || err == io.EOF) {
			continue
		}
		if err == nil || err == io.EOF { // a body that ends before its range
			err = io.ErrUnexpectedEOF
		}
		if r.guard != nil {
			err = r.guard.why(err)
		}
		r.drop()
		if tries++; tries == readTries || r.ctx.Err() != nil {
			return n, fmt.Errorf("read %s at %d: %w", r.key, off+int64(n), missing(err))
		}
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// seek has body go on at an offset, which is before the end of the set.
func (r *Reader) seek(off int64) error {
	if r.body != nil && r.at == off && r.at < r.end {
		return nil
	}
	if r.at == off && r.at == r.end && off > 0 {
		r.window = min(2*r.window, lastWindow)
	} else {
		r.window = firstWindow
	}
	r.drop()
	var ctx context.Context
	ctx, r.guard = watch(r.ctx, r.store.stall)
	r.at, r.end = off, min(off+r.window, r.size)
	body, err := r.store.bucket.NewRangeReader(ctx, r.key, off, r.end-off, nil)
	r.guard.rest()
	if err != nil {
		return err
	}
	if r.body = body; body.Size() != r.size {
		return fmt.Errorf("it has now %d bytes, and had %d: it was replaced", body.Size(), r.size)
	}
	if r.time.IsZero() {
		r.time = body.ModTime()
	}
	if !r.time.Equal(body.ModTime()) {
		return errors.New("it was replaced while it was read")
	}
	return nil
}

// drop ends body.
func (r *Reader) drop() {
	if r.body != nil {
		_ = r.body.Close() // it was read, and not written
		r.body = nil
	}
	if r.guard != nil {
		r.guard.end()
	}
}

// Close ends what is open.
func (r *Reader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.drop()
	return nil
}
