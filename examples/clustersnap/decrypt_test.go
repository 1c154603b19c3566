package main

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/clustersnap/clustersnap"
)

// fading is a store that is gone after some bytes.
type fading struct {
	io.ReaderAt
	from, to int64
}

var errGone = errors.New("the store is gone")

func (f fading) ReadAt(p []byte, off int64) (int, error) {
	if end := off + int64(len(p)); end > f.from && off < f.to {
		return 0, errGone
	}
	return f.ReaderAt.ReadAt(p, off)
}

// What can't be read is not what was damaged: another copy of it helps nobody.
func TestDamagedOrUnread(t *testing.T) {
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	text := sealedSet(t, identity.Recipient())
	const middle, next = 80 << 10, "flip.set is damaged or cut short: take another copy"
	read := func(f io.ReaderAt) error {
		set, err := decrypt("flip.set", f, int64(len(text)), []age.Identity{identity})
		if err != nil {
			return err
		}
		return set.Verify(t.Context())
	}
	if err := read(bytes.NewReader(text)); err != nil {
		t.Error(err)
	}
	for _, at := range []int64{30, middle} {
		err := read(fading{bytes.NewReader(text), at, at + 1})
		if !errors.Is(err, errGone) || strings.Contains(err.Error(), "damaged") {
			t.Errorf("a store that is gone at byte %d: %v", at, err)
		}
	}
	text[middle] ^= 1
	if err := read(bytes.NewReader(text)); err == nil || !strings.Contains(err.Error(), next) {
		t.Errorf("a byte that was changed: %v", err)
	}
}

// sealedSet is one of several chunks of age.
func sealedSet(t *testing.T, to age.Recipient) []byte {
	t.Helper()
	var text bytes.Buffer
	sealed, err := age.Encrypt(&text, to)
	if err != nil {
		t.Fatal(err)
	}
	w := clustersnap.NewWriter(sealed, time.Now())
	fill := func(out io.Writer) error {
		_, err := out.Write(bytes.Repeat([]byte("many bytes "), 20<<10))
		return err
	}
	if err := errors.Join(w.Add("member", nil, fill), w.Close(), sealed.Close()); err != nil {
		t.Fatal(err)
	}
	return text.Bytes()
}
