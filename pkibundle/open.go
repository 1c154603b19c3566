package pkibundle

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"filippo.io/age"
)

// ErrCorrupt is wrapped by the error of [Open] if the bytes are not what [Seal]
// wrote: cut, damaged, tampered with, or no bundle at all.
var ErrCorrupt = errors.New("bundle is damaged or cut: take another copy")

// What Open says of a bundle that is whole and not the one that was asked for.
var (
	ErrDigest = errors.New("bundle is another one: its digest is not the one demanded")
	ErrSigner = errors.New("bundle is not signed by one of those demanded: whoever knows a recipient could have made it")
	ErrTooOld = errors.New("bundle is older than demanded: a newer one may have been replaced by it")
)

// OpenOptions says what a bundle has to be. What age decrypts is secret, and says nothing about who encrypted it.
type OpenOptions struct {
	// Digest is that of the manifest, as [Seal] returned it; empty for any.
	Digest string
	// Signers are the keys of which one has to have signed the bundle; none for any.
	Signers []ed25519.PublicKey
	// NotBefore is when it has to have been sealed at the earliest; zero for any time. It means something only with Signers.
	NotBefore time.Time
}

// demand holds a manifest against the options.
func (o OpenOptions) demand(m *Manifest) error {
	signed := func(key ed25519.PublicKey) bool { return len(key) == ed25519.PublicKeySize && key.Equal(m.Signer) }
	switch {
	case o.Digest != "" && o.Digest != m.digest:
		return ErrDigest
	case len(o.Signers) > 0 && !slices.ContainsFunc(o.Signers, signed):
		return ErrSigner
	case m.Created.Before(o.NotBefore.Truncate(time.Second)):
		return fmt.Errorf("sealed at %s: %w", m.Created.Format(time.RFC3339), ErrTooOld)
	}
	return nil
}

// nonceSize is what stands between the header and the payload of an age file
// (https://age-encryption.org/v1, "Payload").
const nonceSize = 16

// Open decrypts a bundle with the first of the identities that fits, and returns
// it once all of src is read, authenticated and equal to the manifest. Clear the
// bundle after use.
//
// If no identity fits, the error wraps [*age.NoIdentityMatchError]; if src is not
// as sealed, [ErrCorrupt], and if it is known to be cut [io.ErrUnexpectedEOF] too;
// if it is of a later format, [ErrNewerVersion]. Errors of src and of the
// identities (a plugin, a KMS) are wrapped as they are; so is "bad header MAC"
// of age, which cannot be told from these. If it is not what opts demand: [ErrDigest], [ErrSigner] or [ErrTooOld].
func Open(src io.Reader, identities []age.Identity, opts OpenOptions) (*Bundle, *Manifest, error) {
	b, m, err := open(src, identities, opts)
	if err != nil {
		return nil, nil, fmt.Errorf("open bundle: %w", err)
	}
	return b, m, nil
}

func open(src io.Reader, identities []age.Identity, opts OpenOptions) (*Bundle, *Manifest, error) {
	if len(identities) == 0 {
		return nil, nil, errors.New("no identities: name the age identity of one of its recipients")
	}
	sealed, err := io.ReadAll(io.LimitReader(src, maxSealedSize+1))
	if err != nil {
		return nil, nil, fmt.Errorf("read: %w", err)
	}
	if len(sealed) > maxSealedSize {
		return nil, nil, &TooLargeError{What: "sealed size", Size: int64(len(sealed)), Limit: maxSealedSize}
	}
	plain, err := decrypt(sealed, identities)
	if err != nil {
		return nil, nil, err
	}
	b, m, err := readArchive(plain, opts.demand)
	if err != nil {
		clear(plain)
		for _, whole := range []error{ErrNewerVersion, ErrDigest, ErrSigner, ErrTooOld} {
			if errors.Is(err, whole) {
				return nil, nil, err
			}
		}
		return nil, nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return b, m, nil
}

// decrypt gives the whole plaintext, or none of it.
func decrypt(sealed []byte, identities []age.Identity) ([]byte, error) {
	// The header is read alone first, to know its errors from those of identities.
	header, err := age.ExtractHeader(bytes.NewReader(sealed))
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrCorrupt, err)
	}
	if len(sealed) < len(header)+nonceSize {
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, io.ErrUnexpectedEOF)
	}
	// Decrypt sorts the slice that it is given.
	r, err := age.Decrypt(bytes.NewReader(sealed), slices.Clone(identities)...)
	var mismatch *age.NoIdentityMatchError
	if errors.As(err, &mismatch) {
		return nil, fmt.Errorf("no identity given is one of its recipients, which are %q: %w", mismatch.StanzaTypes, err)
	}
	if err != nil {
		return nil, fmt.Errorf("unlock: %w", err)
	}
	// Never growing, the buffer leaves no copies of keys behind.
	plain := bytes.NewBuffer(make([]byte, 0, len(sealed)+bytes.MinRead))
	if _, err := plain.ReadFrom(r); err != nil {
		clear(plain.Bytes())
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return plain.Bytes(), nil
}
