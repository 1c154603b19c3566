package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
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
		return fmt.Errorf("there is no such bucket: make it first, and a bucket only for sets (%w)", err)
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

// Commit completes the set, reads it back if the verdict is to be Verified, and writes the receipt: from then on the set is
// there. After an error it is not, unless the receipt was written and its answer was lost; then the error says so.
func (u *Upload) Commit(ctx context.Context, about About, verdict Verdict) (Receipt, error) {
	r := Receipt{Version: receiptVersion, Set: u.name, About: about, Size: u.size, Verdict: verdict, LockedUntil: u.locked}
	r.Created = r.Created.UTC()
	r.SHA256 = hex.EncodeToString(u.digest.Sum(nil))
	if u.err == nil {
		u.fail(r.check())
	}
	if u.err != nil {
		return Receipt{}, u.err
	}
	if err := u.complete(); err != nil {
		return Receipt{}, err
	}
	if err := u.store.checkSet(ctx, r); err != nil {
		u.fail(err)
	} else if verdict == Verified {
		u.fail(u.store.ReadBack(ctx, r))
	}
	if u.err != nil {
		return Receipt{}, errors.Join(u.err, u.remove(ctx))
	}
	u.fail(u.commit(ctx, r))
	if u.err == nil {
		u.fail(u.still(ctx, r))
	}
	return r, u.err
}

// remove takes away a set that is wrong. A receipt is that of another uploader, who has taken the same name: the set is that
// one's.
func (u *Upload) remove(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanTime)
	defer cancel()
	there, err := u.store.exists(ctx, u.name+receiptExtension)
	if err != nil {
		return err
	}
	if there {
		return errors.New("there is a receipt of another upload that has taken the same name: give another name")
	}
	return u.store.remove(ctx, u.name)
}

// still holds that the set is there after its receipt is: until then it could be taken for a leftover, and swept. A receipt
// without a set goes again.
func (u *Upload) still(ctx context.Context, r Receipt) error {
	err := u.store.checkSet(ctx, r)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanTime)
	defer cancel()
	return errors.Join(fmt.Errorf("somebody has deleted the set before its receipt was written: %w", err),
		u.store.remove(ctx, u.name+receiptExtension))
}

// complete ends the upload of the set itself.
func (u *Upload) complete() error {
	u.ended = true
	u.guard.moved()
	defer u.guard.end()
	if u.file != nil {
		u.fail(u.file.Sync())
	}
	if u.err != nil {
		u.guard.cancel(nil) // a closed writer would give the file its name
	}
	err := u.out.Close()
	if gcerrors.Code(err) == gcerrors.FailedPrecondition {
		err = fmt.Errorf("it exists, or the answer to its completion was lost: "+
			"look with clustersnap list, or give another name (%w)", err)
	}
	u.fail(err)
	if u.err == nil {
		u.fail(u.store.syncDir())
	}
	if u.err != nil {
		u.sweep(context.WithoutCancel(u.guard.ctx))
	}
	return u.err
}

// commit writes the receipt.
func (u *Upload) commit(ctx context.Context, r Receipt) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	ctx, guard := watch(ctx, u.store.stall)
	defer guard.end()
	out, err := u.store.bucket.NewWriter(ctx, u.store.prefix+u.name+receiptExtension, u.options("application/json"))
	if err != nil {
		return guard.why(err)
	}
	if _, err = out.Write(append(text, '\n')); err == nil && u.file != nil {
		err = u.file.Sync()
	}
	if err != nil {
		guard.cancel(err)
	}
	if err = errors.Join(err, out.Close()); err == nil {
		if err = u.store.syncDir(); err != nil {
			err = fmt.Errorf("the set and its receipt are there, but perhaps not after a power cut: %w", err)
		}
		return err
	}
	// Perhaps it is there: the answer may be what was lost. Then the set is committed.
	again, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanTime)
	defer cancel()
	if got, readErr := u.store.receipt(again, u.name); readErr == nil && got == r {
		return nil
	}
	return fmt.Errorf("write receipt: %w: look with clustersnap list whether the set is there; if not, prune takes it away",
		guard.why(err))
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

// ReadBack reads all of a stored set and holds it against its receipt. It needs no identity.
func (s *Store) ReadBack(ctx context.Context, r Receipt) error {
	in := s.reader(ctx, r.Set, r.Size)
	defer in.Close()
	digest := sha256.New()
	if _, err := io.Copy(digest, io.NewSectionReader(in, 0, r.Size)); err != nil {
		return fmt.Errorf("read back: %w", err)
	}
	if hex.EncodeToString(digest.Sum(nil)) != r.SHA256 {
		return fmt.Errorf("read back %s: it is not what was written: its digest differs from that of its receipt", s.short(r.Set))
	}
	return nil
}
