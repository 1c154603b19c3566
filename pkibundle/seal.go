package pkibundle

import (
	"crypto"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"filippo.io/age"
)

// SealOptions changes how Seal works.
type SealOptions struct {
	// Signer signs the manifest, so that [Open] can tell who sealed the bundle. Its key is of Ed25519: an
	// [ed25519.PrivateKey], or an ssh key as golang.org/x/crypto/ssh.ParseRawPrivateKey gives it.
	Signer crypto.Signer
}

// Seal writes the bundle to dst, encrypted so that each of the recipients can
// open it. Hybrid and classic recipients do not mix, and a passphrase stands alone:
// both are errors of age. Everything is checked before the first byte is written.
// Directories that the bundle does not tell of are root's and 0755. Now is the time that the manifest has.
//
// After a later error dst holds the beginning of a file, which [Open] refuses.
// Seal does not close dst, and changes neither the bundle nor the recipients.
func Seal(dst io.Writer, b *Bundle, recipients []age.Recipient, now time.Time, opts SealOptions) (*Manifest, error) {
	m, err := seal(dst, b, recipients, now, opts)
	if err != nil {
		return nil, fmt.Errorf("seal bundle: %w", err)
	}
	return m, nil
}

func seal(dst io.Writer, b *Bundle, recipients []age.Recipient, now time.Time, opts SealOptions) (*Manifest, error) {
	if len(recipients) == 0 {
		return nil, errors.New("no recipients: name one, and better two, age recipients that may open it")
	}
	whole, err := b.whole()
	if err != nil {
		return nil, err
	}
	signer, err := publicKey(opts.Signer)
	if err != nil {
		return nil, err
	}
	m, stored, err := newManifest(whole, now, signer)
	if err != nil {
		return nil, err
	}
	signature, err := sign(opts.Signer, stored)
	if err != nil {
		return nil, err
	}
	w, err := age.Encrypt(dst, recipients...)
	if err != nil {
		return nil, err
	}
	// No deferred Close: closing after an error would make half a bundle whole.
	if err := writeArchive(w, stored, signature, whole); err != nil {
		return nil, err
	}
	return m, w.Close()
}

// whole gives the bundle sorted, with each directory, and checked. It shares the files' contents.
func (b *Bundle) whole() (*Bundle, error) {
	w := &Bundle{
		Files:       slices.SortedFunc(slices.Values(b.Files), byPath),
		Directories: slices.Clone(b.Directories),
		Omitted:     slices.SortedFunc(slices.Values(b.Omitted), byKey),
	}
	known := map[string]bool{}
	for _, d := range b.Directories {
		known[d.Path] = true
	}
	for _, dir := range parents(w.Files) {
		if !known[dir] {
			w.Directories = append(w.Directories, Directory{Path: dir, Mode: 0o755})
		}
	}
	slices.SortFunc(w.Directories, func(a, b Directory) int { return strings.Compare(a.Path, b.Path) })
	return w, w.check()
}
