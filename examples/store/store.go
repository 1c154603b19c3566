package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"
)

// ErrNoReceipt says that a set has no receipt: its upload has not ended, or never will, or it was written as a file.
var ErrNoReceipt = errors.New("it has no receipt: wait if its upload has not ended; " +
	"of a backup to a FILE give the path, without file://")

// ErrStalled says that the store has moved no byte for as long as [Options.Stall].
var ErrStalled = errors.New("the store does not answer")

// Options are for who wants something else than the safe default.
type Options struct {
	// Stall is how long the store may move no byte before a read or a write ends with ErrStalled; 0 is 5 minutes.
	Stall time.Duration
}

// Store is a folder of sets and their receipts. It is for one goroutine; what it opens may each be used by another one.
type Store struct {
	location
	bucket *blob.Bucket
	stall  time.Duration
}

// Open opens the folder of a URL, which may be the URL of a set in it. Nothing is written, and a server is not asked yet. The
// caller closes the store, after what it has opened.
func Open(ctx context.Context, rawURL string, opts Options) (*Store, error) {
	l, err := parse(rawURL)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	bucket, err := blob.OpenBucket(ctx, l.bucket)
	if errors.Is(missing(err), fs.ErrNotExist) {
		return nil, fmt.Errorf("open store %s: %w: make that folder first, or correct the URL", l.short(""), missing(err))
	}
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", l.short(""), err)
	}
	if err := l.prepareClient(ctx, bucket); err != nil {
		return nil, errors.Join(fmt.Errorf("open store %s: %w", l.short(""), err), bucket.Close())
	}
	s := &Store{location: l, bucket: bucket, stall: opts.Stall}
	if s.stall == 0 {
		s.stall = 5 * time.Minute
	}
	return s, nil
}

// Close closes the store.
func (s *Store) Close() error { return s.bucket.Close() }

// Set is the name of the set that the store was opened by, or empty if that was a folder.
func (s *Store) Set() string { return s.location.set }

// URL is that of a set in the folder.
func (s *Store) URL(set string) string { return s.of(set) }

// Receipt reads the receipt of a set and holds it against the object: ErrNoReceipt if the set has none, fs.ErrNotExist if there
// is neither.
func (s *Store) Receipt(ctx context.Context, set string) (Receipt, error) {
	r, err := s.receipt(ctx, set)
	if err == nil {
		err = s.checkSet(ctx, r)
	} else if errors.Is(err, fs.ErrNotExist) && !errors.As(err, new(serverError)) { // or the bucket is what there is not
		if exists, existsErr := s.exists(ctx, set); existsErr != nil {
			err = existsErr
		} else if exists {
			err = ErrNoReceipt
		} else {
			err = serverError{"there is no such set: clustersnap list shows those that there are", err}
		}
	}
	if err != nil {
		return Receipt{}, fmt.Errorf("%s: %w", s.short(set), err)
	}
	return r, nil
}

// receipt reads a receipt as it is.
func (s *Store) receipt(ctx context.Context, set string) (Receipt, error) {
	text, err := s.receiptText(ctx, set)
	if err != nil {
		return Receipt{}, err
	}
	return receiptOf(set, text)
}

// receiptText is what a receipt holds, some bytes of it if it is too large. An error is one of the store.
func (s *Store) receiptText(ctx context.Context, set string) ([]byte, error) {
	ctx, guard := watch(ctx, s.stall)
	defer guard.end()
	in, err := s.bucket.NewReader(ctx, s.prefix+set+receiptExtension, nil)
	if err != nil {
		return nil, guard.why(missing(err))
	}
	defer in.Close()
	text, err := io.ReadAll(io.LimitReader(in, receiptMost+1))
	if err != nil {
		return nil, guard.why(fmt.Errorf("read receipt: %w", err))
	}
	return text, nil
}

// receiptOf reads the receipt of a set.
func receiptOf(set string, text []byte) (Receipt, error) {
	r, err := ParseReceipt(text)
	if err == nil && r.Set != set {
		err = fmt.Errorf("read receipt: it is that of %s", r.Set)
	}
	return r, err
}

// checkSet holds that the object which a receipt is about is there.
func (s *Store) checkSet(ctx context.Context, r Receipt) error {
	ctx, guard := watch(ctx, s.stall)
	defer guard.end()
	attrs, err := s.bucket.Attributes(ctx, s.prefix+r.Set)
	if err != nil {
		if err = guard.why(missing(err)); errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("there is a receipt without its set: %w", err)
		}
		return err
	}
	if attrs.Size != r.Size {
		return fmt.Errorf("%w: it has %d bytes, and its receipt says %d", errOther, attrs.Size, r.Size)
	}
	return nil
}

func (s *Store) exists(ctx context.Context, name string) (bool, error) {
	ctx, guard := watch(ctx, s.stall)
	defer guard.end()
	exists, err := s.bucket.Exists(ctx, s.prefix+name)
	return exists, guard.why(err)
}

// missing makes fs.ErrNotExist of what the drivers say of what is not there.
func missing(err error) error {
	if err != nil && gcerrors.Code(err) == gcerrors.NotFound && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w (%w)", fs.ErrNotExist, err)
	}
	return err
}

// syncDir makes names in the folder durable where that is a directory of this machine.
func (s *Store) syncDir() error {
	if s.dir == "" {
		return nil
	}
	dir, err := os.Open(s.dir)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
