package pkibundle

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"github.com/clustersnap/clustersnap/internal/strictjson"
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
	Version int     `json:"version"` // of the format, 1
	Files   []Entry `json:"files"`   // in the order of the bundle

	digest string
}

// Entry describes one [File] of a bundle.
type Entry struct {
	Path   string      `json:"path"`
	Mode   fs.FileMode `json:"mode"` // permission bits, in JSON a decimal number
	UID    int         `json:"uid"`
	GID    int         `json:"gid"`
	Size   int64       `json:"size"`             // bytes, 0 for a link
	SHA256 string      `json:"sha256,omitempty"` // of the contents in hex; empty for a link
	Link   string      `json:"link,omitempty"`   // text of a symbolic link; empty for a file
}

// Digest gives the SHA-256 of the manifest as the bundle stores it, in hex. Two
// bundles with one digest have the same files, whoever they are sealed to. It is
// empty unless the manifest comes from [Seal] or [Open].
func (m *Manifest) Digest() string { return m.digest }

func entryOf(f File) Entry {
	e := Entry{Path: f.Path, Mode: f.Mode, UID: f.UID, GID: f.GID, Size: int64(len(f.Data)), Link: f.Link}
	if f.Link == "" {
		e.SHA256 = hexSum(f.Data)
	}
	return e
}

// newManifest gives the manifest of a bundle, and the bytes to store.
func newManifest(b *Bundle) (*Manifest, []byte, error) {
	m := &Manifest{Version: manifestVersion}
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
	m := &Manifest{digest: hexSum(data)}
	d := json.NewDecoder(bytes.NewReader(data))
	err := strictjson.Object(d, strictjson.Fields{
		"version": &m.Version,
		"files": func() error {
			return strictjson.Array(d, func() error {
				var e Entry
				err := strictjson.Object(d, strictjson.Fields{
					"path": &e.Path, "mode": &e.Mode, "uid": &e.UID, "gid": &e.GID, "size": &e.Size,
				}, strictjson.Fields{"sha256": &e.SHA256, "link": &e.Link})
				m.Files = append(m.Files, e)
				return err
			})
		},
	}, nil)
	if err != nil {
		return nil, fmt.Errorf("parse %s: %w", manifestName, err)
	}
	return m, nil
}

func hexSum(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
