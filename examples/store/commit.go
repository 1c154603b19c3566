package store

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"github.com/aws/smithy-go"
	"gocloud.dev/gcerrors"
)

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
	if err := u.complete(ctx, r); err != nil {
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
func (u *Upload) complete(ctx context.Context, r Receipt) error {
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
	if refused(err) {
		err = u.own(ctx, r, err)
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

// refused reports whether a store says that there is an object of the name already, or no such upload any more. It may have
// completed this one before: where the answer to that was lost, the driver has asked again.
func refused(err error) bool {
	api := smithy.APIError(nil)
	return gcerrors.Code(err) == gcerrors.FailedPrecondition || errors.As(err, &api) && api.ErrorCode() == "NoSuchUpload"
}

// own is nil if what is there is the set that was sent, and not that of somebody else.
func (u *Upload) own(ctx context.Context, r Receipt, answer error) error {
	u.guard.rest()
	err := u.store.checkSet(ctx, r)
	if err == nil {
		err = u.store.ReadBack(ctx, r)
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errOther):
		return serverError{"another upload has taken its name meanwhile: give another name", answer}
	case errors.Is(err, fs.ErrNotExist):
		return serverError{"its parts were taken away before it was complete: run it again", answer}
	default:
		const next = "whether it was completed before is not known: look with clustersnap list, or run it again"
		return serverError{fmt.Sprintf("%s (%v)", next, err), errors.Join(answer, err)}
	}
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
