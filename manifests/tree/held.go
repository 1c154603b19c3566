package tree

import (
	"crypto/sha256"
	"strings"

	"github.com/clustersnap/clustersnap/manifests"
)

// fingerprint stands for the key of an object where hundreds of thousands are remembered: a piece of the SHA-256 of its
// path that nobody finds a second key for.
type fingerprint [16]byte

func fingerprintOf(p string) fingerprint {
	sum := sha256.Sum256([]byte(p))
	return fingerprint(sum[:16])
}

// held is what a tree remembers of an object while it takes a dump. All else that it knows is on disk, and is read again
// by commit: a cluster may have more objects than a node has memory to spare.
type held struct {
	sum      [sha256.Size]byte
	modified int64
	size     int32
	intact   bool
	form     formCode
}

// formCode is a form in one byte.
type formCode uint8

var formCodes = [...]form{plain, excluded, redacted, encrypted}

func (f form) code() formCode {
	for i, known := range formCodes {
		if f == known {
			return formCode(i)
		}
	}
	return 0 // record.check lets no other pass
}

// holdings are the objects of a tree, by the fingerprints of their paths without .age.
type holdings struct {
	at   map[fingerprint]int32 // maxList bounds them
	list []held
	macs map[fingerprint][sha256.Size]byte // of encrypted Secrets
}

func newHoldings() *holdings {
	return &holdings{at: map[fingerprint]int32{}, macs: map[fingerprint][sha256.Size]byte{}}
}

func (h *holdings) add(r *record) {
	f := fingerprintOf(Path(r.Key))
	h.at[f] = int32(len(h.list))
	h.list = append(h.list, held{
		sum: r.sum, modified: r.modified, size: int32(r.size), intact: r.form == excluded, form: r.form.code(),
	})
	if r.form == encrypted {
		h.macs[f] = r.mac
	}
}

// find gives what is held under a fingerprint, or nil.
func (h *holdings) find(f fingerprint) *held {
	i, ok := h.at[f]
	if !ok {
		return nil
	}
	return &h.list[i]
}

func (h *holdings) has(k manifests.Key) bool { return h.find(fingerprintOf(Path(k))) != nil }

// file gives what is held in a file, or nil if the index knows none of this name.
func (h *holdings) file(p string) *held {
	p, sealed := strings.CutSuffix(p, sealedSuffix[len(plainSuffix):])
	r := h.find(fingerprintOf(p))
	if r == nil || r.form == excluded.code() || sealed != (r.form == encrypted.code()) {
		return nil
	}
	return r
}
