package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager"
	tmtypes "github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager/types"
	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"
)

const (
	partSize  = 8 << 20 // bytes; S3 takes 10,000 parts, so that a set may have 80 GiB
	inFlight  = 3       // parts, each in memory
	cleanTime = 30 * time.Second
)

// Upload is a set that is being written. It has no receipt, so that nobody takes it for a set, until Commit.
type Upload struct {
	store  *Store
	name   string
	guard  *guard
	out    *blob.Writer
	file   *os.File // where the store is a disk
	digest hash.Hash
	size   int64
	locked time.Time
	ended  bool
	err    error // the first one
}

// Create begins the upload of a set, which must not exist. now is when an object lock begins to count. The caller closes it,
// also after an error and also after Commit.
func (s *Store) Create(ctx context.Context, name string, now time.Time) (*Upload, error) {
	if err := checkName(name); err != nil {
		return nil, fmt.Errorf("create set: %w", err)
	}
	u := &Upload{store: s, name: name, digest: sha256.New()}
	if s.server.lockMode != "" {
		u.locked = now.UTC().Add(s.server.retain).Truncate(time.Second) // as it can be read again
	}
	if err := s.accessible(ctx); err != nil {
		return nil, fmt.Errorf("create %s: %w", s.short(name), err)
	}
	for _, object := range []string{name, name + receiptExtension} {
		exists, err := s.exists(ctx, object)
		if err == nil && exists {
			err = errors.New("it exists: give another name, or a folder, so that it gets one of its own")
		}
		if err != nil {
			return nil, fmt.Errorf("create %s: %w", s.short(object), err)
		}
	}
	var writing context.Context
	writing, u.guard = watch(ctx, s.stall)
	var err error
	u.out, err = s.bucket.NewWriter(writing, s.prefix+name, u.options("application/octet-stream"))
	if err != nil {
		u.guard.end()
		return nil, fmt.Errorf("create %s: %w", s.short(name), err)
	}
	u.guard.rest()
	return u, nil
}

// accessible holds that the bucket is there, before anybody makes a set for it.
func (s *Store) accessible(ctx context.Context) error {
	if s.dir != "" {
		return nil // Open has looked
	}
	ctx, guard := watch(ctx, s.stall)
	defer guard.end()
	// Of the folder: who may see no more than that can't list the bucket.
	_, _, err := s.bucket.ListPage(ctx, blob.FirstPageToken, 1, &blob.ListOptions{Prefix: s.prefix, Delimiter: "/"})
	if gcerrors.Code(err) == gcerrors.NotFound {
		return serverError{refusals["NoSuchBucket"], err}
	}
	return guard.why(err)
}

// options are those of both objects of a set.
func (u *Upload) options(contentType string) *blob.WriterOptions {
	return &blob.WriterOptions{
		BufferSize: partSize, MaxConcurrency: inFlight, ContentType: contentType, IfNotExist: true,
		BeforeWrite: func(as func(any) bool) error {
			var in *transfermanager.UploadObjectInput
			if as(&in) {
				in.StorageClass = tmtypes.StorageClass(u.store.server.class)
				in.ObjectLockMode = tmtypes.ObjectLockMode(u.store.server.lockMode)
				if !u.locked.IsZero() {
					in.ObjectLockRetainUntilDate = &u.locked
				}
			}
			if u.file = nil; as(&u.file) {
				return u.file.Chmod(0o600)
			}
			return nil
		},
	}
}

// Write writes to the set. After an error it can't be committed any more.
func (u *Upload) Write(p []byte) (int, error) {
	if u.err != nil {
		return 0, u.err
	}
	u.guard.moved()
	n, err := u.out.Write(p)
	u.guard.rest()
	u.digest.Write(p[:n])
	u.size += int64(n)
	u.fail(err)
	return n, u.err
}

func (u *Upload) fail(err error) {
	if err != nil && u.err == nil {
		u.err = fmt.Errorf("upload %s: %w", u.store.short(u.name), u.guard.why(err))
	}
}

// Close ends an upload that was not committed, and takes away what it has left.
func (u *Upload) Close() error {
	if u.ended {
		return nil
	}
	u.ended = true
	u.guard.cancel(context.Canceled)
	_ = u.out.Close() // it was given up
	u.guard.end()
	return u.sweep(context.WithoutCancel(u.guard.ctx))
}

// sweep takes away the parts of an upload that has ended without success: the driver does so unless its context has ended.
// Those of an upload whose id was lost with an answer are left for List.
func (u *Upload) sweep(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeout(ctx, cleanTime)
	defer cancel()
	for _, id := range u.guard.uploads() {
		err = errors.Join(err, u.store.abort(ctx, Leftover{Kind: Parts, Name: u.name, upload: id}))
	}
	return err
}

// errOther says that what is stored is something else.
var errOther = errors.New("it is not what was written")

// ReadBack reads all of a stored set and holds it against its receipt. It needs no identity.
func (s *Store) ReadBack(ctx context.Context, r Receipt) error {
	in := s.reader(ctx, r.Set, r.Size)
	defer in.Close()
	digest := sha256.New()
	if _, err := io.Copy(digest, io.NewSectionReader(in, 0, r.Size)); err != nil {
		return fmt.Errorf("read back: %w", err)
	}
	if hex.EncodeToString(digest.Sum(nil)) != r.SHA256 {
		return fmt.Errorf("read back %s: %w: its digest differs from that of its receipt", s.short(r.Set), errOther)
	}
	return nil
}
