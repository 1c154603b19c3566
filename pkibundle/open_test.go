package pkibundle_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"filippo.io/age"

	"github.com/clustersnap/clustersnap/pkibundle"
)

func TestEveryPrefixIsRefused(t *testing.T) {
	id := newIdentity(t)
	sealed, _ := seal(t, smallBundle(), id.Recipient())
	for n := range sealed {
		b, m, err := openWith(bytes.NewReader(sealed[:n]), id)
		if !errors.Is(err, pkibundle.ErrCorrupt) || errors.Is(err, io.EOF) || b != nil || m != nil {
			t.Fatalf("first %d of %d bytes: %v, %v, %v", n, len(sealed), b, m, err)
		}
	}
}

// What ends between two parts of the file is known to be cut, not damaged.
func TestCutIsUnexpectedEOF(t *testing.T) {
	id := newIdentity(t)
	b := smallBundle()
	b.Files[0].Data = make([]byte, 100_000)
	sealed, _ := seal(t, b, id.Recipient())
	header, err := age.ExtractHeader(bytes.NewReader(sealed))
	if err != nil {
		t.Fatal(err)
	}
	payload := len(header) + 16
	for _, n := range []int{len(header), payload - 1, payload, payload + 64<<10 + 16} {
		_, _, err := openWith(bytes.NewReader(sealed[:n]), id)
		if !errors.Is(err, io.ErrUnexpectedEOF) || !errors.Is(err, pkibundle.ErrCorrupt) {
			t.Errorf("cut at %d of %d: %v", n, len(sealed), err)
		}
	}
}

func TestEveryFlippedByteIsRefused(t *testing.T) {
	id := newIdentity(t)
	sealed, _ := seal(t, smallBundle(), id.Recipient())
	header, err := age.ExtractHeader(bytes.NewReader(sealed))
	if err != nil {
		t.Fatal(err)
	}
	for i := range sealed {
		for _, bit := range []byte{0x01, 0x80} {
			sealed[i] ^= bit
			b, _, err := openWith(bytes.NewReader(sealed), id)
			if err == nil || b != nil {
				t.Fatalf("bit %#x of byte %d of %d: %v, %v", bit, i, len(sealed), b, err)
			}
			if i >= len(header) && !errors.Is(err, pkibundle.ErrCorrupt) {
				t.Fatalf("bit %#x of byte %d of %d: %v", bit, i, len(sealed), err)
			}
			sealed[i] ^= bit
		}
	}
}

func TestTrailingBytesAreRefused(t *testing.T) {
	id := newIdentity(t)
	sealed, _ := seal(t, smallBundle(), id.Recipient())
	if _, _, err := openWith(bytes.NewReader(append(sealed, 0)), id); !errors.Is(err, pkibundle.ErrCorrupt) {
		t.Errorf("error %v", err)
	}
}

func TestReaderDecidesNothing(t *testing.T) {
	id := newIdentity(t)
	sealed, _ := seal(t, smallBundle(), id.Recipient())
	for name, src := range map[string]io.Reader{
		"one byte":      iotest.OneByteReader(bytes.NewReader(sealed)),
		"data with EOF": iotest.DataErrReader(bytes.NewReader(sealed)),
	} {
		b, _, err := openWith(src, id)
		if err != nil || !equalFiles(b.Files, smallBundle().Files) {
			t.Errorf("%s: %v, %v", name, b, err)
		}
	}
}

func TestErrorOfSourceIsNotCorruption(t *testing.T) {
	id := newIdentity(t)
	sealed, _ := seal(t, smallBundle(), id.Recipient())
	gone := errors.New("connection lost")
	for n := range sealed {
		src := io.MultiReader(bytes.NewReader(sealed[:n]), iotest.ErrReader(gone))
		if _, _, err := openWith(src, id); !errors.Is(err, gone) || errors.Is(err, pkibundle.ErrCorrupt) {
			t.Fatalf("lost after %d bytes: %v", n, err)
		}
	}
}

func TestWrongIdentity(t *testing.T) {
	x := newIdentity(t)
	sealed, _ := seal(t, smallBundle(), x.Recipient(), newIdentity(t).Recipient())
	_, _, err := openWith(bytes.NewReader(sealed), newIdentity(t), newHybrid(t))
	var mismatch *age.NoIdentityMatchError
	if !errors.As(err, &mismatch) || !strings.Contains(err.Error(), `which are ["X25519" "X25519"]`) {
		t.Errorf("error %v", err)
	}
	if errors.Is(err, pkibundle.ErrCorrupt) {
		t.Error("a wrong identity is called corruption")
	}
	if _, _, err := openWith(bytes.NewReader(sealed)); err == nil || !strings.Contains(err.Error(), "no identities: name") {
		t.Errorf("without identities: %v", err)
	}
}

// keyService is an identity that is not one of age's own.
type keyService struct{ err error }

func (k keyService) Unwrap([]*age.Stanza) ([]byte, error) { return nil, k.err }

func TestErrorOfIdentityIsNotCorruption(t *testing.T) {
	sealed, _ := seal(t, smallBundle(), newIdentity(t).Recipient())
	down := errors.New("key service does not answer")
	_, _, err := openWith(bytes.NewReader(sealed), keyService{down})
	if !errors.Is(err, down) || errors.Is(err, pkibundle.ErrCorrupt) {
		t.Errorf("error %v", err)
	}
}

func TestOpenKeepsOrderOfIdentities(t *testing.T) {
	x := newIdentity(t)
	sealed, _ := seal(t, smallBundle(), x.Recipient())
	ids := []age.Identity{keyService{age.ErrIncorrectIdentity}, x}
	if _, _, err := openWith(bytes.NewReader(sealed), ids...); err != nil {
		t.Fatal(err)
	}
	if ids[1] != age.Identity(x) {
		t.Error("Open sorted the caller's identities")
	}
}
