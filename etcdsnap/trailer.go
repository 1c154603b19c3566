package etcdsnap

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
)

// trailer hashes all but the digest at the end: the last bytes seen are held back.
type trailer struct {
	sha  hash.Hash
	tail []byte // the last bytes seen, up to a digest's size: not yet in sha
	size int64
}

func newTrailer() *trailer { return &trailer{sha: sha256.New()} }

func (t *trailer) Write(p []byte) (int, error) {
	t.size += int64(len(p))
	if len(p) >= sha256.Size {
		t.sha.Write(t.tail)
		cut := len(p) - sha256.Size
		t.sha.Write(p[:cut])
		t.tail = append(t.tail[:0], p[cut:]...)
		return len(p), nil
	}
	t.tail = append(t.tail, p...)
	if over := len(t.tail) - sha256.Size; over > 0 {
		t.sha.Write(t.tail[:over])
		t.tail = append(t.tail[:0], t.tail[over:]...)
	}
	return len(p), nil
}

// digest holds what passed against the size of its database, and gives the digest behind that. A file that was
// copied has none, and can go on in pages that the database has not taken yet.
func (t *trailer) digest(database int64, pageSize int) (string, error) {
	switch over := t.size - database; {
	case over < 0:
		return "", fmt.Errorf("%w: it ends after %d of %d bytes: %w", ErrCorrupt, t.size, database+sha256.Size, io.ErrUnexpectedEOF)
	case over%int64(pageSize) == 0:
		return "", fmt.Errorf("%w: %w: it is cut off, or a copy of a database file", ErrCorrupt, ErrNoDigest)
	case over < sha256.Size:
		return "", fmt.Errorf("%w: it ends after %d of %d bytes: %w", ErrCorrupt, t.size, database+sha256.Size, io.ErrUnexpectedEOF)
	case over > sha256.Size:
		return "", fmt.Errorf("%w: it goes on after the %d bytes that its meta page states", ErrCorrupt, database+sha256.Size)
	}
	if string(t.sha.Sum(nil)) != string(t.tail) {
		return "", fmt.Errorf("%w: its SHA-256 is not the one that etcd appended", ErrCorrupt)
	}
	return hex.EncodeToString(t.tail), nil
}

// seal makes the digest of all that has passed the last of it, and returns it.
func (t *trailer) seal() []byte {
	t.sha.Write(t.tail)
	t.tail = t.sha.Sum(t.tail[:0])
	t.size += sha256.Size
	return t.tail
}
