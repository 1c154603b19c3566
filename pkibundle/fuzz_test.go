package pkibundle

import (
	"bytes"
	"slices"
	"testing"
)

// seeds gives archives that open, and the same archives spoiled.
func seeds(t testing.TB) (good, bad [][]byte) {
	t.Helper()
	for _, files := range [][]File{
		{{Path: "a"}},
		{{Path: "etc/a", Mode: 0o600, UID: 1 << 31, Data: bytes.Repeat([]byte("a"), 513)}, {Path: "etc/b", Mode: modeLink, Link: "a"}},
		{{Path: "caf\u00e9/key", Mode: 0o644, GID: 7, Data: []byte("key")}, {Path: "pki", Mode: modeLink, Link: "/caf\u00e9"}},
	} {
		b := &Bundle{Files: files}
		if err := b.check(); err != nil {
			t.Fatal(err)
		}
		_, stored, err := newManifest(b)
		if err != nil {
			t.Fatal(err)
		}
		var buf bytes.Buffer
		if err := writeArchive(&buf, stored, b); err != nil {
			t.Fatal(err)
		}
		good = append(good, buf.Bytes())
		for _, cut := range []int{0, 100, 512, 600, 1023, 1024, buf.Len() - 1024, buf.Len() - 1} {
			bad = append(bad, slices.Clone(buf.Bytes()[:cut]))
		}
		for at := 0; at < buf.Len(); at += 61 {
			spoiled := slices.Clone(buf.Bytes())
			spoiled[at] ^= 0x41
			bad = append(bad, spoiled)
		}
	}
	return good, bad
}

func FuzzOpenArchive(f *testing.F) {
	good, bad := seeds(f)
	if len(good) == 0 || len(bad) == 0 {
		f.Fatal("seed corpus is empty")
	}
	for _, plain := range good {
		if _, _, err := readArchive(slices.Clone(plain)); err != nil {
			f.Fatalf("good seed is refused: %v", err)
		}
	}
	for _, plain := range slices.Concat(good, bad) {
		f.Add(plain)
	}
	f.Fuzz(func(t *testing.T, plain []byte) {
		b, m, err := readArchive(plain)
		if err != nil {
			return
		}
		again, stored, err := newManifest(b)
		if err != nil || !slices.Equal(again.Files, m.Files) {
			t.Fatalf("manifest %+v accepted for files of %+v, %v", m, again, err)
		}
		var buf bytes.Buffer
		if err := writeArchive(&buf, stored, b); err != nil {
			t.Fatalf("accepted files cannot be written: %v", err)
		}
		if _, m2, err := readArchive(buf.Bytes()); err != nil || !slices.Equal(m2.Files, m.Files) {
			t.Fatalf("accepted files do not open again: %v", err)
		}
	})
}
