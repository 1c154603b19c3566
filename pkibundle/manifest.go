package pkibundle

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"
)

const (
	manifestName    = "manifest.json"
	manifestVersion = 1
)

// ErrNewerVersion is wrapped by the error of [Open] if the bundle has a version
// of the format that this package does not know.
var ErrNewerVersion = errors.New("bundle is of a newer version: open it with a newer clustersnap")

// Manifest says what a sealed bundle holds. It has no secrets, but the digest of
// a file that can be guessed gives it away.
type Manifest struct {
	Version     int         `json:"version"` // of the format, 1
	Created     time.Time   `json:"created"` // when it was sealed, in UTC and whole seconds
	Files       []Entry     `json:"files"`   // in the order of the bundle
	Directories []Directory `json:"directories,omitempty"`
	Omitted     []Omission  `json:"omitted,omitempty"`
	// Signer is the key that has signed the manifest, nil if none has. It says who, and not that he may: see [OpenOptions].
	Signer ed25519.PublicKey `json:"signer,omitempty"`

	digest string
}

// Entry describes one [File] of a bundle.
type Entry struct {
	Path   string      `json:"path"`
	Role   string      `json:"role,omitempty"`
	Mode   fs.FileMode `json:"mode"` // permission bits, in JSON a decimal number
	Owner  Owner       `json:"owner"`
	Size   int64       `json:"size"`             // bytes, 0 for a link
	SHA256 string      `json:"sha256,omitempty"` // of the contents in hex; empty for a link
	Link   string      `json:"link,omitempty"`   // text of a symbolic link; empty for a file
	// Certificate is the first in the file, or the client's in a kubeconfig, as Seal has read it; nil if there is none.
	Certificate *Certificate `json:"certificate,omitempty"`
}

// Digest gives the SHA-256 of the manifest as the bundle stores it, in hex: bundles with one digest are copies of one, whoever
// they are sealed to. It is empty unless the manifest comes from [Seal] or [Open].
func (m *Manifest) Digest() string { return m.digest }

// entryOf describes a file and its certificate.
func entryOf(f File) Entry {
	e := plainEntryOf(f)
	if f.Link == "" {
		e.Certificate = certificateOf(f)
	}
	return e
}

// plainEntryOf describes what a tar archive holds of a file.
func plainEntryOf(f File) Entry {
	e := Entry{Path: f.Path, Role: f.Role, Mode: f.Mode, Owner: f.Owner, Size: int64(len(f.Data)), Link: f.Link}
	if f.Link == "" {
		e.SHA256 = hexSum(f.Data)
	}
	return e
}

// newManifest gives the manifest of a bundle, and the bytes to store.
func newManifest(b *Bundle, created time.Time, signer ed25519.PublicKey) (*Manifest, []byte, error) {
	m := &Manifest{
		Version: manifestVersion, Created: created.UTC().Truncate(time.Second), Signer: signer,
		Directories: b.Directories, Omitted: b.Omitted,
	}
	for _, f := range b.Files {
		m.Files = append(m.Files, entryOf(f))
	}
	data, err := json.Marshal(m)
	if err != nil {
		return nil, nil, fmt.Errorf("encode %s: %w", manifestName, err)
	}
	if len(data) > maxManifestSize {
		return nil, nil, &TooLargeError{Path: manifestName, What: "manifest size", Size: int64(len(data)), Limit: maxManifestSize}
	}
	m.digest = hexSum(data)
	return m, data, nil
}

func parseManifest(data []byte) (*Manifest, error) {
	if len(data) > maxManifestSize {
		return nil, &TooLargeError{Path: manifestName, What: "manifest size", Size: int64(len(data)), Limit: maxManifestSize}
	}
	// The version is read first and alone: a newer one may have fields that are
	// unknown here. Unmarshal also refuses what follows the JSON value.
	var head struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return nil, fmt.Errorf("parse %s: %w", manifestName, err)
	}
	if head.Version > manifestVersion {
		return nil, fmt.Errorf("version %d: %w", head.Version, ErrNewerVersion)
	}
	if head.Version < manifestVersion {
		return nil, fmt.Errorf("parse %s: version %d does not exist", manifestName, head.Version)
	}
	m := &Manifest{}
	if err := json.Unmarshal(data, m); err != nil {
		return nil, fmt.Errorf("parse %s: %w", manifestName, err)
	}
	// What Seal writes is the one form of these values. All else, such as a key twice or in another case, a reader
	// might understand in another way.
	if again, err := json.Marshal(m); err != nil || !bytes.Equal(again, data) {
		return nil, fmt.Errorf("parse %s: it is not in the form that Seal writes", manifestName)
	}
	if m.Created.Nanosecond() != 0 || m.Created.Location() != time.UTC || m.Signer != nil && len(m.Signer) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("parse %s: the time is not in UTC and whole seconds, or the signer is no Ed25519 key", manifestName)
	}
	for _, f := range m.Files {
		if c := f.Certificate; c != nil && !printable(strings.Join(append(c.Names, c.Subject, c.Issuer, c.PublicKey), " ")) {
			return nil, fmt.Errorf("parse %s: what it says of the certificate in %q is too long, or holds control characters", manifestName, f.Path)
		}
	}
	m.digest = hexSum(data)
	return m, nil
}

func hexSum(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
