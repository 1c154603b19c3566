package tree

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"
)

// MACKey is a key for digests of Secrets. A digest without one would give a Secret away that can be guessed. It shows
// itself nowhere: not in %v or %#v, not in JSON.
type MACKey struct{ key *[sha256.Size]byte } // a pointer, so that fmt prints no bytes where it can't call Format

// NewMACKey makes a key of a secret of 32 bytes or more, which are best random ones. Keep them as long as the
// tree, and not in it: with another key every Secret counts as changed.
func NewMACKey(secret []byte) (MACKey, error) {
	if len(secret) < sha256.Size {
		return MACKey{}, errors.New("make key for digests: needs at least 32 bytes, since shorter ones could be guessed")
	}
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte("clustersnap tree 1"))
	return MACKey{(*[sha256.Size]byte)(mac.Sum(nil))}, nil
}

// Format writes the word redacted, whatever the verb.
func (MACKey) Format(f fmt.State, _ rune) { io.WriteString(f, "redacted") }

// MarshalText gives the word redacted.
func (MACKey) MarshalText() ([]byte, error) { return []byte("redacted"), nil }

func (k MACKey) isZero() bool { return k.key == nil }

// sum digests parts, none of which can be taken for a piece of its neighbour.
func (k MACKey) sum(parts ...string) [sha256.Size]byte {
	mac := hmac.New(sha256.New, k.key[:])
	for _, p := range parts {
		writePart(mac, p)
	}
	return [sha256.Size]byte(mac.Sum(nil))
}

func writePart(mac hash.Hash, p string) {
	var size [8]byte
	binary.BigEndian.PutUint64(size[:], uint64(len(p)))
	mac.Write(size[:])
	io.Copy(mac, strings.NewReader(p))
}
