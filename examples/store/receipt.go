package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"time"
	"unicode"
	"unicode/utf8"
)

// receiptExtension is what the name of a receipt has behind that of its set.
const receiptExtension = ".receipt.json"

const (
	receiptVersion = 1
	receiptMost    = 64 << 10 // bytes
)

// ErrNewerReceipt says that a receipt was written by a later clustersnap than this one.
var ErrNewerReceipt = errors.New("the receipt has a newer format")

// Verdict is what is known of a stored set.
type Verdict string

const (
	// Verified means that all of it was read back after the upload, and is byte for byte what was written.
	Verified Verdict = "verified"
	// Unverified means that the store has said that it has it, and nobody has looked.
	Unverified Verdict = "unverified"
)

// Receipt is the commit mark of a set: a small object beside it, written when all else is there. It holds no secret, so that
// sets can be listed and pruned by who can't open them.
type Receipt struct {
	Version int `json:"version"`
	// Set is the name of the set in the same folder.
	Set string `json:"set"`
	About
	// Size is in bytes, and SHA256 64 lower-case hexadecimal digits, of the set as it is stored.
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
	// Verdict is what was known at the upload.
	Verdict Verdict `json:"verdict"`
	// LockedUntil is when the store's object lock ends, zero if none was asked for.
	LockedUntil time.Time `json:"lockedUntil,omitzero"`
}

// About is what a receipt says of what is in a set.
type About struct {
	Created time.Time `json:"created"`
	// Cluster and Node say what was backed up: sets of one node of one cluster replace each other, and no others do.
	Cluster string `json:"cluster"`
	Node    string `json:"node"`
	// Revision is etcd's.
	Revision int64 `json:"revision"`
	// Degraded says that the set can be restored, and lacks something that was to be in it.
	Degraded bool `json:"degraded,omitempty"`
}

var hexDigest = regexp.MustCompile(`^[0-9a-f]{64}$`)

// ParseReceipt reads a receipt, which anybody may have written. The error wraps ErrNewerReceipt for one of a later version.
func ParseReceipt(b []byte) (Receipt, error) {
	var version struct{ Version int }
	if len(b) > receiptMost {
		return Receipt{}, fmt.Errorf("read receipt: it has more than %d bytes", receiptMost)
	}
	if err := json.Unmarshal(b, &version); err != nil {
		return Receipt{}, fmt.Errorf("read receipt: %w", err)
	}
	if version.Version > receiptVersion {
		return Receipt{}, fmt.Errorf("%w, %d: use a newer clustersnap", ErrNewerReceipt, version.Version)
	}
	var r Receipt
	decoder := json.NewDecoder(bytes.NewReader(b))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&r); err != nil {
		return Receipt{}, fmt.Errorf("read receipt: %w", err)
	}
	r.Created, r.LockedUntil = r.Created.UTC(), r.LockedUntil.UTC() // whoever wrote it, one zone for all
	if err := r.check(); err != nil {
		return Receipt{}, fmt.Errorf("read receipt: %w", err)
	}
	return r, nil
}

func (r Receipt) check() error {
	bad := func(field string) error { return fmt.Errorf("bad %s", field) }
	switch {
	case r.Version != receiptVersion:
		return bad("version")
	case checkName(r.Set) != nil:
		return bad("set")
	case r.Created.Year() < 1980 || r.Created.Year() > 2107: // as the index of a set
		return bad("created")
	case !PlainText(r.Cluster):
		return bad("cluster")
	case !PlainText(r.Node):
		return bad("node")
	case r.Revision < 0:
		return bad("revision")
	case r.Size < 1:
		return bad("size")
	case !hexDigest.MatchString(r.SHA256):
		return bad("sha256")
	case r.Verdict != Verified && r.Verdict != Unverified:
		return bad("verdict")
	}
	return nil
}

// PlainText reports whether a cluster or a node may have a name: 1 to 253 bytes of UTF-8, all of them graphic characters.
func PlainText(s string) bool {
	for _, r := range s {
		if !unicode.IsGraphic(r) {
			return false
		}
	}
	return s != "" && len(s) <= 253 && utf8.ValidString(s)
}
