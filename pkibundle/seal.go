package pkibundle

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"filippo.io/age"
)

// Seal writes the bundle to dst, encrypted so that each of the recipients can
// open it. Hybrid and classic recipients do not mix, and a passphrase stands alone:
// both are errors of age. Everything is checked before the first byte is written.
//
// After a later error dst holds the beginning of a file, which [Open] refuses.
// Seal does not close dst, and changes neither the bundle nor the recipients.
func Seal(dst io.Writer, b *Bundle, recipients ...age.Recipient) (*Manifest, error) {
	m, err := seal(dst, b, recipients)
	if err != nil {
		return nil, fmt.Errorf("seal bundle: %w", err)
	}
	return m, nil
}

func seal(dst io.Writer, b *Bundle, recipients []age.Recipient) (*Manifest, error) {
	if len(recipients) == 0 {
		return nil, errors.New("no recipients: name one, and better two, age recipients that may open it")
	}
	sorted := &Bundle{Files: slices.SortedFunc(slices.Values(b.Files), byPath)}
	if err := sorted.check(); err != nil {
		return nil, err
	}
	m, stored, err := newManifest(sorted)
	if err != nil {
		return nil, err
	}
	w, err := age.Encrypt(dst, recipients...)
	if err != nil {
		return nil, err
	}
	// No deferred Close: closing after an error would make half a bundle whole.
	if err := writeArchive(w, stored, sorted); err != nil {
		return nil, err
	}
	return m, w.Close()
}
