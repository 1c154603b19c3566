package tree_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"filippo.io/age"

	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/tree"
)

func packed(t testing.TB, dir string) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := pack(&b, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func pack(w io.Writer, fsys fs.FS) error {
	saved, err := tree.Read(fsys)
	if err != nil {
		return err
	}
	return saved.Pack(w)
}

func unpack(t testing.TB, b []byte) (string, error) {
	t.Helper()
	dir := t.TempDir()
	return dir, tree.Unpack(openRoot(t, dir), iotest.OneByteReader(bytes.NewReader(b)))
}

func TestPack(t *testing.T) {
	dir, c := t.TempDir(), shop()
	c.set("secrets/db@shop", "left out")
	c.into(t, dir, tree.Options{})
	b := packed(t, dir)
	delete(c.objects, key("secrets/db@shop"))
	to, err := unpack(t, b)
	if err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(texts(t, to), texts(t, dir)) {
		t.Errorf("got %v, want %v", texts(t, to), texts(t, dir))
	}
	if !bytes.Equal(packed(t, to), b) {
		t.Error("packed again it is something else")
	}
	before := files(t, to)
	c.set("secrets/db@shop", "left out")
	if changes := c.into(t, to, tree.Options{}); !changes.Quiet() || !maps.Equal(files(t, to), before) {
		t.Errorf("a dump into what was unpacked: %+v", changes)
	}
	// Without this package, tar must do.
	names := entries(t, b)
	if names[0] != "index.json" || names[1] != ".clustersnap/state.json" || len(names) != 2+9 {
		t.Errorf("entries are %q", names)
	}
}

func entries(t *testing.T, b []byte) (names []string) {
	for r := tar.NewReader(bytes.NewReader(b)); ; {
		header, err := r.Next()
		if err == io.EOF {
			return names
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, header.Name)
	}
}

func TestPackOfNothing(t *testing.T) {
	dir := t.TempDir()
	newCluster(nil).into(t, dir, tree.Options{})
	to, err := unpack(t, packed(t, dir))
	if err != nil || !maps.Equal(texts(t, to), texts(t, dir)) {
		t.Errorf("%v", err)
	}
}

func TestPackFromGit(t *testing.T) {
	dir, c := t.TempDir(), shop()
	c.into(t, dir, tree.Options{})
	remove(t, dir, ".clustersnap")
	to, err := unpack(t, packed(t, dir))
	if err != nil || !maps.Equal(texts(t, to), texts(t, dir)) {
		t.Errorf("%v", err)
	}
}

func TestPackChecksFiles(t *testing.T) {
	for name, spoil := range map[string]func(dir string){
		"edited":  func(dir string) { put(t, dir, "cluster/namespaces/shop.yaml", "edited") },
		"missing": func(dir string) { remove(t, dir, "cluster/namespaces/shop.yaml") },
	} {
		dir := t.TempDir()
		shop().into(t, dir, tree.Options{})
		spoil(dir)
		err := pack(io.Discard, os.DirFS(dir))
		if !errors.Is(err, tree.ErrCorrupt) && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: packed with %v", name, err)
		}
	}
}

// No prefix of a pack and no pack with a wrong byte gives another tree.
func TestPackDamaged(t *testing.T) {
	dir := t.TempDir()
	c := newCluster(map[string]string{"nodes/a": "1", "configmaps/b@c": "2"})
	c.into(t, dir, tree.Options{})
	want, b := texts(t, dir), packed(t, dir)
	for n := 0; n < len(b); n += 37 {
		if _, err := unpack(t, b[:n]); err == nil {
			t.Errorf("the first %d bytes are a tree", n)
		}
	}
	if _, err := unpack(t, b[:len(b)-1]); err == nil {
		t.Error("without its last byte it is a tree")
	}
	for at := 0; at < len(b); at += 11 {
		bad := bytes.Clone(b)
		bad[at] ^= 0x20
		to, err := unpack(t, bad)
		if err == nil && !maps.Equal(texts(t, to), want) {
			t.Errorf("byte %d gives another tree", at)
		}
		if _, rerr := tree.Read(os.DirFS(to)); err != nil && rerr == nil {
			t.Errorf("byte %d: %v, and there is a tree", at, err)
		}
	}
}

func TestUnpackRefuses(t *testing.T) {
	dir := t.TempDir()
	shop().into(t, dir, tree.Options{})
	type entry struct {
		header tar.Header
		text   string
	}
	var good []entry
	r := tar.NewReader(bytes.NewReader(packed(t, dir)))
	for header, err := r.Next(); err == nil; header, err = r.Next() {
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		good = append(good, entry{*header, string(text)})
	}
	evil := func(name string, kind byte) entry {
		return entry{tar.Header{Name: name, Typeflag: kind, Linkname: "/etc/passwd", Mode: 0o777}, ""}
	}
	another := entry{good[1].header, strings.Replace(good[1].text, `"index": "`, `"index": "0`, 1)}
	odd := entry{good[2].header, good[2].text}
	odd.header.Typeflag = tar.TypeCont
	wrong := entry{good[2].header, strings.Repeat("x", len(good[2].text))}
	for name, list := range map[string][]entry{
		"climbs":              append(slices.Clone(good), evil("../x", tar.TypeReg)),
		"absolute":            append(slices.Clone(good), evil("/tmp/x", tar.TypeReg)),
		"not in the index":    append(slices.Clone(good), evil("cluster/nodes/evil.yaml", tar.TypeReg)),
		"twice":               append(slices.Clone(good), good[len(good)-1]),
		"a link":              append(append(slices.Clone(good[:2]), evil(good[2].header.Name, tar.TypeSymlink)), good[3:]...),
		"a directory":         append(append(slices.Clone(good[:2]), evil("cluster/", tar.TypeDir)), good[2:]...),
		"another kind":        append(append(slices.Clone(good[:2]), odd), good[3:]...),
		"out of order":        append(append(slices.Clone(good[:2]), good[3], good[2]), good[4:]...),
		"one missing":         append(slices.Clone(good[:3]), good[4:]...),
		"no index":            good[1:],
		"the index last":      append(slices.Clone(good[1:]), good[0]),
		"state of another":    append([]entry{good[0], another}, good[2:]...),
		"a longer file":       append(append(slices.Clone(good[:2]), entry{good[2].header, good[2].text + "x"}), good[3:]...),
		"another of its size": append(append(slices.Clone(good[:2]), wrong), good[3:]...),
		"nothing":             nil,
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			w := tar.NewWriter(&b)
			for _, e := range list {
				e.header.Size = int64(len(e.text))
				if err := w.WriteHeader(&e.header); err != nil {
					t.Fatal(err)
				}
				io.WriteString(w, e.text)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			to, err := unpack(t, b.Bytes())
			if !errors.Is(err, tree.ErrCorrupt) {
				t.Errorf("unpacked with %v", err)
			}
			if _, err := tree.Read(os.DirFS(to)); err == nil {
				t.Error("there is a tree")
			}
		})
	}
	t.Run("something after", func(t *testing.T) {
		if _, err := unpack(t, append(packed(t, dir), "more"...)); !errors.Is(err, tree.ErrCorrupt) {
			t.Errorf("unpacked with %v", err)
		}
	})
	t.Run("not empty", func(t *testing.T) {
		to := t.TempDir()
		put(t, to, "x", "mine")
		if err := tree.Unpack(openRoot(t, to), bytes.NewReader(packed(t, dir))); !errors.Is(err, fs.ErrExist) {
			t.Errorf("unpacked with %v", err)
		}
	})
}

func FuzzUnpack(f *testing.F) {
	dir := f.TempDir()
	newCluster(map[string]string{"nodes/a": "1", "configmaps/b@c": "2"}).into(f, dir, tree.Options{})
	good := packed(f, dir)
	if _, err := unpack(f, good); err != nil {
		f.Fatalf("seed is refused: %v", err)
	}
	f.Add(good)
	f.Add(bytes.ReplaceAll(good, []byte("nodes/a"), []byte("../../a")))
	f.Fuzz(func(t *testing.T, b []byte) {
		top := t.TempDir()
		in := filepath.Join(top, "in")
		if err := os.Mkdir(in, 0o700); err != nil {
			t.Fatal(err)
		}
		root := openRoot(t, in)
		if err := tree.Unpack(root, bytes.NewReader(b)); err == nil {
			if err := pack(io.Discard, root.FS()); err != nil {
				t.Errorf("it was unpacked, and can't be packed: %v", err)
			}
		}
		if list, _ := os.ReadDir(top); len(list) != 1 {
			t.Errorf("it has written outside: %v", list)
		}
	})
}

func TestReadErrors(t *testing.T) {
	if _, err := tree.Read(os.DirFS(t.TempDir())); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an empty directory: %v", err)
	}
	dir := t.TempDir()
	shop().into(t, dir, tree.Options{})
	saved, err := tree.Read(os.DirFS(dir), newIdentity(t))
	if err != nil {
		t.Fatal(err)
	}
	web := manifests.Entry{Key: key("configmaps/web@shop")}
	text, err := saved.Object(t.Context(), web)
	if err != nil {
		t.Fatal(err)
	}
	for name, edited := range map[string]string{
		"shorter": "edited", "longer": string(text) + "x", "of its size": strings.Replace(string(text), "4", "5", 1),
	} {
		put(t, dir, "namespaces/shop/configmaps/web.yaml", edited)
		if _, err := saved.Object(t.Context(), web); !errors.Is(err, tree.ErrCorrupt) {
			t.Errorf("an edited file, %s: %v", name, err)
		}
	}
	remove(t, dir, "namespaces/shop/configmaps/web.yaml")
	if _, err := saved.Object(t.Context(), web); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	link(t, dir, "namespaces/shop/configmaps/web.yaml", "/dev/zero")
	if _, err := saved.Object(t.Context(), web); !errors.Is(err, tree.ErrCorrupt) {
		t.Errorf("a device: %v", err)
	}
	remove(t, dir, "namespaces/shop/configmaps/web.yaml")
	put(t, dir, "namespaces/shop/configmaps/web.yaml/x", "a directory")
	if _, err := saved.Object(t.Context(), web); !errors.Is(err, tree.ErrCorrupt) {
		t.Errorf("a directory: %v", err)
	}
	if _, err := saved.Object(t.Context(), manifests.Entry{Key: key("configmaps/none@shop")}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an object that is not there: %v", err)
	}
	for file, text := range map[string]string{
		"index.json": "{\n\"version\": 2,\n", ".clustersnap/state.json": "{\n",
		".clustersnap/journal.json": "{\n\"version\": 2,\n",
	} {
		dir := t.TempDir()
		shop().into(t, dir, tree.Options{})
		put(t, dir, file, text)
		_, rerr := tree.Read(os.DirFS(dir))
		_, oerr := tree.Open(openRoot(t, dir), tree.Options{})
		for what, err := range map[string]error{"read": rerr, "open": oerr} {
			if !errors.Is(err, tree.ErrNewer) && !errors.Is(err, tree.ErrCorrupt) || !strings.Contains(err.Error(), file) {
				t.Errorf("%s with a bad %s: %v", what, file, err)
			}
		}
	}
}

// A sealed Secret in a pack needs no key to be packed, and the identity when it is read.
func TestPackEncrypted(t *testing.T) {
	id := newIdentity(t)
	dir := t.TempDir()
	vault().into(t, dir, tree.Options{Secrets: tree.Encrypt, Key: newKey(t, 1), Recipients: []age.Recipient{id.Recipient()}})
	b := packed(t, dir)
	if bytes.Contains(b, []byte(password)) {
		t.Error("the pack has the password")
	}
	to, err := unpack(t, b)
	if err != nil {
		t.Fatal(err)
	}
	if text, _, err := one(t, to, id); err != nil || !strings.Contains(text, password) {
		t.Errorf("it is %q, %v", text, err)
	}
}
