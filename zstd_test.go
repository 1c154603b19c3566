package clustersnap_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/clustersnap/clustersnap"
)

func compress(t *testing.T, s string) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := clustersnap.Compressed(text(s))(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func decompress(b []byte) (string, error) {
	r, err := clustersnap.Decompress(bytes.NewReader(b))
	if err != nil {
		return "", err
	}
	defer r.Close()
	s, err := io.ReadAll(r)
	return string(s), err
}

func TestCompressedRoundTrip(t *testing.T) {
	for _, s := range []string{"", "x", strings.Repeat("etcd page ", 1<<18)} {
		got, err := decompress(compress(t, s))
		if err != nil || got != s {
			t.Errorf("%d bytes come back as %d (%v)", len(s), len(got), err)
		}
	}
}

func TestCompressedCutOrFlipped(t *testing.T) {
	want := strings.Repeat("etcd page ", 100)
	b := compress(t, want)
	for n := range b {
		if _, err := decompress(b[:n]); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("the first %d of %d bytes: %v, want unexpected EOF", n, len(b), err)
		}
	}
	for i := range b {
		b[i] ^= 0x10
		if got, err := decompress(b); err == nil && got != want {
			t.Errorf("byte %d flipped gives other content", i)
		}
		b[i] ^= 0x10
	}
}

func TestDecompressBoundsTheWindow(t *testing.T) {
	var b bytes.Buffer
	z, err := zstd.NewWriter(&b, zstd.WithWindowSize(16<<20))
	if err != nil {
		t.Fatal(err)
	}
	z.Write(make([]byte, 20<<20))
	z.Close()
	if _, err := decompress(b.Bytes()); !errors.Is(err, zstd.ErrWindowSizeExceeded) {
		t.Errorf("got %v, want ErrWindowSizeExceeded", err)
	}
}
