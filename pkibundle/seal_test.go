package pkibundle_test

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/clustersnap/clustersnap/pkibundle"
)

func newIdentity(t testing.TB) *age.X25519Identity {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func newHybrid(t testing.TB) *age.HybridIdentity {
	t.Helper()
	id, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func smallBundle() *pkibundle.Bundle {
	return &pkibundle.Bundle{Files: []pkibundle.File{
		{Path: "etc/ca.key", Mode: 0o600, Owner: pkibundle.Owner{UID: 3, GID: 4}, Data: []byte("key of the CA")},
		{Path: "etc/current", Mode: 0o777, Link: "/etc/ca.key"},
	}}
}

// sealedAt is when the tests seal.
var sealedAt = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

func sealTo(dst io.Writer, b *pkibundle.Bundle, to ...age.Recipient) (*pkibundle.Manifest, error) {
	return pkibundle.Seal(dst, b, to, sealedAt, pkibundle.SealOptions{})
}

func openWith(src io.Reader, identities ...age.Identity) (*pkibundle.Bundle, *pkibundle.Manifest, error) {
	return pkibundle.Open(src, identities, pkibundle.OpenOptions{})
}

func seal(t testing.TB, b *pkibundle.Bundle, to ...age.Recipient) ([]byte, *pkibundle.Manifest) {
	t.Helper()
	var buf bytes.Buffer
	m, err := sealTo(&buf, b, to...)
	if err != nil {
		t.Fatal(err)
	}
	return buf.Bytes(), m
}

// equalFiles compares contents too, and takes no data for empty data.
func equalFiles(a, b []pkibundle.File) bool {
	return slices.EqualFunc(a, b, func(x, y pkibundle.File) bool {
		same := bytes.Equal(x.Data, y.Data)
		x.Data, y.Data = nil, nil
		return same && reflect.DeepEqual(x, y)
	})
}

func randomBundle(rnd *rand.Rand) *pkibundle.Bundle {
	b := &pkibundle.Bundle{}
	dirs := []string{"", "etc/kubernetes/pki/", "var/lib/kubelet/pki/", strings.Repeat("long/", 60), "caf\u00e9/"}
	for i := range 1 + rnd.IntN(12) {
		data := make([]byte, rnd.IntN(3)*rnd.IntN(3000))
		for j := range data {
			data[j] = byte(rnd.Uint32())
		}
		f := pkibundle.File{
			Path: fmt.Sprintf("%sf%d", dirs[rnd.IntN(len(dirs))], i),
			Data: data, Owner: pkibundle.Owner{UID: int(rnd.Uint32()), GID: rnd.IntN(2000)},
		}
		f.Mode = 0o777 & (1 << rnd.IntN(9) * 5)
		b.Files = append(b.Files, f)
		if rnd.IntN(3) == 0 {
			b.Files = append(b.Files, pkibundle.File{Path: fmt.Sprintf("links/l%d", i), Mode: 0o777, Link: "/" + f.Path})
		}
	}
	slices.SortFunc(b.Files, func(x, y pkibundle.File) int { return strings.Compare(x.Path, y.Path) })
	return b
}

func TestOpenGivesWhatWasSealed(t *testing.T) {
	id := newIdentity(t)
	for seed := range uint64(200) {
		b := randomBundle(rand.New(rand.NewPCG(seed, 0)))
		sealed, sm := seal(t, b, id.Recipient())
		got, om, err := openWith(bytes.NewReader(sealed), id)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if !equalFiles(got.Files, b.Files) {
			t.Fatalf("seed %d: opened %v, sealed %v", seed, got.Files, b.Files)
		}
		if !reflect.DeepEqual(sm, om) {
			t.Fatalf("seed %d: manifest of Open %+v, of Seal %+v", seed, om, sm)
		}
	}
}

func TestArchiveDependsOnFilesOnly(t *testing.T) {
	id := newIdentity(t)
	b := smallBundle()
	first, m1 := seal(t, b, id.Recipient())
	slices.Reverse(b.Files)
	second, m2 := seal(t, b, id.Recipient())
	if b.Files[0].Path != "etc/current" {
		t.Error("Seal sorted the caller's files")
	}
	if !bytes.Equal(decrypt(t, first, id), decrypt(t, second, id)) {
		t.Error("equal files gave different archives")
	}
	if m1.Digest() != m2.Digest() {
		t.Error("equal files gave different digests")
	}
	b.Files[1].Data = []byte("another key!!")
	if _, m3 := seal(t, b, id.Recipient()); m3.Digest() == m1.Digest() {
		t.Error("other contents gave the same digest")
	}
}

func decrypt(t testing.TB, sealed []byte, id age.Identity) []byte {
	t.Helper()
	r, err := age.Decrypt(bytes.NewReader(sealed), id)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

// A reader that knows age and tar, and nothing of this package, must get all.
func TestStockToolsReadBundle(t *testing.T) {
	id := newIdentity(t)
	sealed, m := seal(t, smallBundle(), id.Recipient())
	plain := decrypt(t, sealed, id)
	r := tar.NewReader(bytes.NewReader(plain))

	h, err := r.Next()
	if err != nil || h.Name != "manifest.json" {
		t.Fatalf("first entry %v, %v", h, err)
	}
	stored, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"version":1,"created":"2026-11-26T12:00:00Z","files":[` +
		`{"path":"etc/ca.key","mode":384,"owner":{"uid":3,"gid":4},"size":13,` +
		`"sha256":"c4cd6a3f23111f1d981f0f2bd27eef1dd7124e02e1ca14fced01d44d095e46fe"},` +
		`{"path":"etc/current","mode":511,"owner":{"uid":0,"gid":0},"size":0,"link":"/etc/ca.key"}],` +
		`"directories":[{"path":"etc","mode":493,"owner":{"uid":0,"gid":0}}]}`
	if string(stored) != want {
		t.Errorf("manifest.json is\n%s\nnot\n%s", stored, want)
	}
	if sum := sha256.Sum256(stored); hex.EncodeToString(sum[:]) != m.Digest() {
		t.Errorf("digest %s is not that of manifest.json", m.Digest())
	}

	h, err = r.Next()
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(r)
	if err != nil || string(data) != "key of the CA" {
		t.Errorf("etc/ca.key holds %q, %v", data, err)
	}
	if h.Typeflag != tar.TypeReg || h.Name != "etc/ca.key" || h.Mode != 0o600 || h.Uid != 3 || h.Gid != 4 ||
		h.Uname != "" || h.Gname != "" || h.ModTime.Unix() != 0 {
		t.Errorf("header of etc/ca.key is %+v", h)
	}
	h, err = r.Next()
	if err != nil || h.Typeflag != tar.TypeSymlink || h.Name != "etc/current" || h.Linkname != "/etc/ca.key" || h.Mode != 0o777 {
		t.Errorf("header of etc/current is %+v, %v", h, err)
	}
	if _, err := r.Next(); err != io.EOF {
		t.Errorf("a fourth entry, or %v", err)
	}
	if end := plain[len(plain)-1024:]; len(plain)%512 != 0 || !bytes.Equal(end, make([]byte, 1024)) {
		t.Error("archive does not end with two zero blocks")
	}
}

func TestEachRecipientOpens(t *testing.T) {
	x1, x2, h1, h2 := newIdentity(t), newIdentity(t), newHybrid(t), newHybrid(t)
	passphrase, err := age.NewScryptRecipient("correct horse battery staple")
	if err != nil {
		t.Fatal(err)
	}
	passphrase.SetWorkFactor(10) // what the test is about takes no second
	known, err := age.NewScryptIdentity("correct horse battery staple")
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		to   []age.Recipient
		open []age.Identity
	}{
		"passphrase": {[]age.Recipient{passphrase}, []age.Identity{known}},
		"x25519":     {[]age.Recipient{x1.Recipient(), x2.Recipient()}, []age.Identity{x1, x2}},
		"hybrid":     {[]age.Recipient{h1.Recipient(), h2.Recipient()}, []age.Identity{h1, h2}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			sealed, _ := seal(t, smallBundle(), test.to...)
			for i, id := range test.open {
				b, _, err := openWith(bytes.NewReader(sealed), id)
				if err != nil {
					t.Errorf("identity %d: %v", i, err)
				} else if !equalFiles(b.Files, smallBundle().Files) {
					t.Errorf("identity %d: opened %v", i, b.Files)
				}
			}
		})
	}
}

func TestSealRefuses(t *testing.T) {
	x, h := newIdentity(t).Recipient(), newHybrid(t).Recipient()
	file := func(path string) pkibundle.File { return pkibundle.File{Path: path, Mode: 0o600, Data: []byte("d")} }
	link := func(path, text string) pkibundle.File {
		return pkibundle.File{Path: path, Mode: 0o777, Link: text}
	}
	with := func(files ...pkibundle.File) *pkibundle.Bundle { return &pkibundle.Bundle{Files: files} }
	tests := map[string]struct {
		b    *pkibundle.Bundle
		to   []age.Recipient
		want string
	}{
		"no recipients":     {smallBundle(), nil, "no recipients: name one"},
		"mixed recipients":  {smallBundle(), []age.Recipient{x, h}, "can't mix post-quantum and classic recipients"},
		"empty bundle":      {with(), nil, "holds no files"},
		"absolute path":     {with(file("/etc/a")), nil, `"/etc/a": not a relative path`},
		"path with dots":    {with(file("etc/../a")), nil, "not a relative path of UTF-8"},
		"path above root":   {with(file("../a")), nil, "not a relative path of UTF-8"},
		"path of root":      {with(file(".")), nil, "not a relative path of UTF-8"},
		"empty path":        {with(file("")), nil, "not a relative path of UTF-8"},
		"newline in path":   {with(file("etc/a\nb")), nil, "not a relative path of UTF-8"},
		"zero in path":      {with(file("etc/a\x00b")), nil, "not a relative path of UTF-8"},
		"bytes in path":     {with(file("etc/\xff")), nil, "not a relative path of UTF-8"},
		"endless path":      {with(file(strings.Repeat("a", 4097))), nil, "not a relative path of UTF-8"},
		"same path twice":   {with(file("etc/a"), file("etc/a")), nil, "the same path"},
		"case only":         {with(file("etc/A"), file("etc/a")), nil, "differ in case only"},
		"case of kelvin":    {with(file("etc/\u212a"), file("etc/k")), nil, "differ in case only"},
		"case of long s":    {with(file("etc/\u017f"), file("etc/S")), nil, "differ in case only"},
		"name of manifest":  {with(file("Manifest.json")), nil, `"manifest.json" and "Manifest.json" are the same path`},
		"under manifest":    {with(file("manifest.json/a")), nil, "are the same path"},
		"file and dir":      {with(file("etc/a"), file("etc/a/b/c")), nil, "are the same path"},
		"file and Dir":      {with(file("etc/a"), file("etc/A/b/c")), nil, "are the same path"},
		"link and dir":      {with(link("etc/a", "b"), file("etc/b"), file("etc/a/c")), nil, "are the same path"},
		"setuid":            {with(pkibundle.File{Path: "a", Mode: 0o600 | 1<<23}), nil, "more than permission bits"},
		"negative owner":    {with(pkibundle.File{Path: "a", Owner: pkibundle.Owner{UID: -1}}), nil, "owner -1:0"},
		"negative group":    {with(pkibundle.File{Path: "a", Owner: pkibundle.Owner{GID: -1}}), nil, "owner 0:-1"},
		"link with data":    {with(file("b"), pkibundle.File{Path: "a", Mode: 0o777, Link: "b", Data: []byte("d")}), nil, "no contents"},
		"link with mode":    {with(file("b"), pkibundle.File{Path: "a", Mode: 0o600, Link: "b"}), nil, "mode 0777"},
		"link with newline": {with(file("b"), link("a", "b\n")), nil, "control characters"},
		"bytes in link":     {with(file("b"), link("a", "\xff/../b")), nil, "not UTF-8"},
		"dangling link":     {with(file("b"), link("a", "c")), nil, `leads to "c", where the bundle holds no file`},
		"link above root":   {with(file("b"), link("etc/a", "../../b")), nil, "climbs above the root"},
		"link out":          {with(file("b"), link("a", "/etc/shadow")), nil, `leads to "etc", where the bundle`},
		"link to itself":    {with(link("a", "a")), nil, "too many links"},
		"links in a ring":   {with(link("a", "b"), link("b", "/a")), nil, "too many links"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if test.to == nil && name != "no recipients" {
				test.to = []age.Recipient{x}
			}
			var dst bytes.Buffer
			_, err := sealTo(&dst, test.b, test.to...)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
			if dst.Len() > 0 {
				t.Errorf("%d bytes written before the refusal", dst.Len())
			}
		})
	}
}

// chain gives n links that end at a file.
func chain(n int) *pkibundle.Bundle {
	b := &pkibundle.Bundle{Files: []pkibundle.File{{Path: "00"}}}
	for i := range n {
		b.Files = append(b.Files, pkibundle.File{Path: fmt.Sprintf("%02d", i+1), Mode: 0o777, Link: fmt.Sprintf("%02d", i)})
	}
	return b
}

func TestChainOfLinksIsAsLongAsOnLinux(t *testing.T) {
	to := newIdentity(t).Recipient()
	if _, err := sealTo(io.Discard, chain(40), to); err != nil {
		t.Errorf("40 links: %v", err)
	}
	if _, err := sealTo(io.Discard, chain(41), to); err == nil {
		t.Error("41 links are accepted")
	}
}

func TestLinksMayLeadToLinksAndDirectories(t *testing.T) {
	id := newIdentity(t)
	b := &pkibundle.Bundle{Files: []pkibundle.File{
		{Path: "etc/kubernetes/pki", Mode: 0o777, Link: "ssl"},
		{Path: "etc/kubernetes/ssl/ca.crt", Mode: 0o644, Data: []byte("c")},
		{Path: "etc/kubernetes/ssl/self", Mode: 0o777, Link: "../../kubernetes/pki/./ca.crt"},
	}}
	sealed, _ := seal(t, b, id.Recipient())
	got, _, err := openWith(bytes.NewReader(sealed), id)
	if err != nil || !equalFiles(got.Files, b.Files) {
		t.Errorf("opened %v, %v", got, err)
	}
}

// failAfter accepts some bytes and then breaks.
type failAfter struct {
	bytes.Buffer
	room int
}

var errDiskFull = errors.New("disk full")

func (w *failAfter) Write(p []byte) (int, error) {
	if w.Len()+len(p) > w.room {
		return 0, errDiskFull
	}
	return w.Buffer.Write(p)
}

func TestBrokenWriterLeavesNoBundle(t *testing.T) {
	id := newIdentity(t)
	b := smallBundle()
	b.Files[0].Data = bytes.Repeat([]byte("key"), 80_000) // several chunks of age
	whole, _ := seal(t, b, id.Recipient())
	for room := 0; room < len(whole); room += 10_000 {
		dst := &failAfter{room: room}
		if _, err := sealTo(dst, b, id.Recipient()); !errors.Is(err, errDiskFull) {
			t.Fatalf("room for %d of %d bytes: error %v", room, len(whole), err)
		}
		if _, _, err := openWith(&dst.Buffer, id); !errors.Is(err, pkibundle.ErrCorrupt) {
			t.Fatalf("room for %d of %d bytes: what was written opens with %v", room, len(whole), err)
		}
	}
}

func TestManifestHasNoSecrets(t *testing.T) {
	_, m := seal(t, smallBundle(), newIdentity(t).Recipient())
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	if all := fmt.Sprintf("%s %+v %#v", text, m, m); strings.Contains(all, "key of the CA") {
		t.Errorf("manifest shows contents: %s", all)
	}
}
