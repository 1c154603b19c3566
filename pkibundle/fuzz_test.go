package pkibundle

import (
	"bytes"
	"crypto/ed25519"
	"reflect"
	"slices"
	"testing"
	"time"
)

// seeds gives archives that open, and the same archives spoiled.
func seeds(t testing.TB) (good, bad [][]byte) {
	t.Helper()
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	for _, files := range [][]File{
		{{Path: "a"}},
		{{Path: "etc/a", Mode: 0o600, Owner: Owner{UID: 1 << 31, User: "etcd"}, Data: bytes.Repeat([]byte("a"), 513)}, {Path: "etc/b", Mode: modeLink, Link: "a"}},
		{{Path: "caf\u00e9/key", Mode: 0o644, Owner: Owner{GID: 7, Group: "kubeadm"}, Data: []byte("key")}, {Path: "pki", Mode: modeLink, Link: "/caf\u00e9"}},
	} {
		b, err := (&Bundle{Files: files, Omitted: []Omission{{Path: "etc/z", From: "etc/a path", Why: "gone"}}}).whole()
		if err != nil {
			t.Fatal(err)
		}
		_, stored, err := newManifest(b, time.Unix(1e9, 0), key.Public().(ed25519.PublicKey))
		if err != nil {
			t.Fatal(err)
		}
		signature, err := sign(key, stored)
		if err != nil {
			t.Fatal(err)
		}
		var buf bytes.Buffer
		if err := writeArchive(&buf, stored, signature, b); err != nil {
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

func anyManifest(*Manifest) error { return nil }

func FuzzOpenArchive(f *testing.F) {
	good, bad := seeds(f)
	if len(good) == 0 || len(bad) == 0 {
		f.Fatal("seed corpus is empty")
	}
	for _, plain := range good {
		if _, _, err := readArchive(slices.Clone(plain), anyManifest); err != nil {
			f.Fatalf("good seed is refused: %v", err)
		}
	}
	for _, plain := range slices.Concat(good, bad) {
		f.Add(plain)
	}
	f.Fuzz(func(t *testing.T, plain []byte) {
		b, m, err := readArchive(plain, anyManifest)
		if err != nil {
			return
		}
		again, stored, err := newManifest(b, m.Created, nil)
		for i := range m.Files { // what somebody said of a certificate is not held against it
			m.Files[i].Certificate, again.Files[i].Certificate = nil, nil
		}
		if err != nil || !reflect.DeepEqual(again.Files, m.Files) {
			t.Fatalf("manifest %+v accepted for files of %+v, %v", m, again, err)
		}
		var buf bytes.Buffer
		if err := writeArchive(&buf, stored, nil, b); err != nil {
			t.Fatalf("accepted files cannot be written: %v", err)
		}
		if _, m2, err := readArchive(buf.Bytes(), anyManifest); err != nil || len(m2.Files) != len(m.Files) {
			t.Fatalf("accepted files do not open again: %v", err)
		}
	})
}
