package pkibundle_test

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/clustersnap/clustersnap/pkibundle"
)

// forged is an archive whose every part can be a lie. Anyone who knows a
// recipient can seal one.
type forged struct {
	manifest pkibundle.Manifest
	json     []byte // instead of the manifest, if set
	entries  []entry
}

type entry struct {
	head tar.Header
	data []byte
}

// add puts a file into manifest and entries alike.
func (f *forged) add(path, data string) {
	sum := sha256.Sum256([]byte(data))
	f.manifest.Files = append(f.manifest.Files, pkibundle.Entry{
		Path: path, Mode: 0o600, Size: int64(len(data)), SHA256: hex.EncodeToString(sum[:]),
	})
	f.entries = append(f.entries, entry{
		tar.Header{Typeflag: tar.TypeReg, Name: path, Mode: 0o600, Size: int64(len(data)), Format: tar.FormatPAX}, []byte(data),
	})
}

// link puts a link into manifest and entries alike.
func (f *forged) link(path, text string) {
	f.manifest.Files = append(f.manifest.Files, pkibundle.Entry{Path: path, Mode: 0o777, Link: text})
	f.entries = append(f.entries, entry{
		tar.Header{Typeflag: tar.TypeSymlink, Name: path, Mode: 0o777, Linkname: text, Format: tar.FormatPAX}, nil,
	})
}

func (f *forged) tar(t *testing.T) []byte {
	t.Helper()
	stored := f.json
	if f.manifest.Directories == nil {
		f.manifest.Directories = directoriesOf(f.manifest.Files)
	}
	if stored == nil {
		var err error
		if stored, err = json.Marshal(f.manifest); err != nil {
			t.Fatal(err)
		}
	}
	first := entry{tar.Header{Typeflag: tar.TypeReg, Name: "manifest.json", Mode: 0o600, Size: int64(len(stored)), Format: tar.FormatPAX}, stored}
	return writeTar(t, append([]entry{first}, f.entries...))
}

// directoriesOf gives those that hold the files, as Seal adds them.
func directoriesOf(files []pkibundle.Entry) []pkibundle.Directory {
	known := map[string]pkibundle.Directory{}
	for _, f := range files {
		for dir := path.Dir(f.Path); dir != "." && dir != "/" && dir != ".."; dir = path.Dir(dir) {
			known[dir] = pkibundle.Directory{Path: dir, Mode: 0o755}
		}
	}
	return slices.SortedFunc(maps.Values(known), func(a, b pkibundle.Directory) int { return strings.Compare(a.Path, b.Path) })
}

func writeTar(t *testing.T, entries []entry) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, e := range entries {
		if err := w.WriteHeader(&e.head); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(e.data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// honest is an archive that opens, for the cases to spoil.
func honest() *forged {
	f := &forged{manifest: pkibundle.Manifest{Version: 1, Created: sealedAt}}
	f.add("etc/a", "alpha")
	f.add("etc/b", "beta")
	f.link("etc/c", "b")
	return f
}

func openPlain(t *testing.T, plain []byte) (*pkibundle.Bundle, error) {
	t.Helper()
	id := newIdentity(t)
	var buf bytes.Buffer
	w, err := age.Encrypt(&buf, id.Recipient())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(plain); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	b, _, err := openWith(&buf, id)
	return b, err
}

// The cost of names and links is bounded, however many there are.
func TestDeepPathsAreRefused(t *testing.T) {
	f := honest()
	f.add(strings.Repeat("d/", 64)+"f", "x")
	wantCorrupt(t, f.tar(t), "more than 64 parts")
	f = honest()
	f.link("etc/y", strings.Repeat("./", 1500)+"b")
	wantCorrupt(t, f.tar(t), "too long once its links are resolved")
}

// Text can hide in the padding of a pax header, which no reader looks at.
func TestPaddingOfPaxHeaderIsZero(t *testing.T) {
	f := honest()
	f.add("etc/"+strings.Repeat("n", 300), "x") // too long for a header without pax
	plain := f.tar(t)
	at := bytes.Index(plain, []byte(" path="))
	if at < 0 {
		t.Fatal("no pax header")
	}
	end := (at/512 + 1) * 512
	plain[end-1] = 'h'
	wantCorrupt(t, plain, "pax header")
}

func TestHonestArchiveOpens(t *testing.T) {
	b, err := openPlain(t, honest().tar(t))
	if err != nil || len(b.Files) != 3 || string(b.Files[1].Data) != "beta" || b.Files[2].Link != "b" {
		t.Errorf("%v, %v", b, err)
	}
}

// wantCorrupt holds the refusal against the rule that is to refuse, for another
// one would leave the rule untested.
func wantCorrupt(t *testing.T, plain []byte, want string) {
	t.Helper()
	b, err := openPlain(t, plain)
	if !errors.Is(err, pkibundle.ErrCorrupt) || !strings.Contains(err.Error(), want) || b != nil {
		t.Errorf("%v, error %v, want %q", b, err, want)
	}
	if errors.Is(err, io.EOF) {
		t.Errorf("error %v is the end of a stream", err)
	}
}

func TestForgedEntriesAreRefused(t *testing.T) {
	tests := map[string]struct {
		spoil func(f *forged)
		want  string
	}{
		"extra entry":     {func(f *forged) { f.entries = append(f.entries, entry{head: tar.Header{Name: "etc/z"}}) }, `entry "etc/z" is not in the manifest`},
		"missing entry":   {func(f *forged) { f.entries = f.entries[:2] }, "unexpected EOF"},
		"swapped entries": {func(f *forged) { f.entries[0], f.entries[1] = f.entries[1], f.entries[0] }, "not as the manifest has it"},
		"wrong contents":  {func(f *forged) { f.entries[0].data[0]++ }, `entry "etc/a" is not as the manifest`},
		"wrong mode":      {func(f *forged) { f.entries[0].head.Mode = 0o644 }, `entry "etc/a" is not as the manifest`},
		"wrong owner":     {func(f *forged) { f.entries[0].head.Uid = 7 }, `entry "etc/a" is not as the manifest`},
		"wrong group":     {func(f *forged) { f.entries[0].head.Gid = 7 }, `entry "etc/a" is not as the manifest`},
		"wrong link":      {func(f *forged) { f.entries[2].head.Linkname = "a" }, `entry "etc/c" is not as the manifest`},
		"wrong digest":    {func(f *forged) { f.manifest.Files[0].SHA256 = f.manifest.Files[1].SHA256 }, `entry "etc/a" is not as the manifest`},
		"no digest":       {func(f *forged) { f.manifest.Files[0].SHA256 = "" }, `entry "etc/a" is not as the manifest`},
		"wrong size":      {func(f *forged) { f.manifest.Files[0].Size++ }, `entry "etc/a" is not as the manifest`},
		"negative size":   {func(f *forged) { f.manifest.Files[0].Size = -1 }, `entry "etc/a" is not as the manifest`},
		"file for link": {func(f *forged) {
			f.manifest.Files[2] = pkibundle.Entry{Path: "etc/c", Mode: 0o777, SHA256: f.manifest.Files[0].SHA256}
		}, "not as the manifest"},
		"directory": {func(f *forged) { f.entries[1] = entry{head: tar.Header{Typeflag: tar.TypeDir, Name: "etc/b/"}} }, "neither file nor link"},
		"hard link": {func(f *forged) {
			f.entries[1] = entry{head: tar.Header{Typeflag: tar.TypeLink, Name: "etc/b", Linkname: "etc/a"}}
		}, "neither file nor link"},
		"character":    {func(f *forged) { f.entries[1] = entry{head: tar.Header{Typeflag: tar.TypeChar, Name: "etc/b"}} }, "neither file nor link"},
		"block device": {func(f *forged) { f.entries[1] = entry{head: tar.Header{Typeflag: tar.TypeBlock, Name: "etc/b"}} }, "neither file nor link"},
		"fifo":         {func(f *forged) { f.entries[1] = entry{head: tar.Header{Typeflag: tar.TypeFifo, Name: "etc/b"}} }, "neither file nor link"},
		"global header": {func(f *forged) {
			f.entries = slices.Insert(f.entries, 0, entry{head: tar.Header{Typeflag: tar.TypeXGlobalHeader, Name: "g", PAXRecords: map[string]string{"path": "etc/z"}}})
		}, "neither file nor link"},
		"setuid":        {func(f *forged) { f.entries[0].head.Mode = 0o4755; f.manifest.Files[0].Mode = 0o755 }, "more than permission bits"},
		"user name":     {func(f *forged) { f.entries[0].head.Uname = "root" }, `entry "etc/a" is not as the manifest`},
		"group name":    {func(f *forged) { f.entries[0].head.Gname = "root" }, `entry "etc/a" is not as the manifest`},
		"no user name":  {func(f *forged) { f.manifest.Files[0].Owner.User = "a:b"; f.entries[0].head.Uname = "a:b" }, `owner "a:b":"" is no name`},
		"time":          {func(f *forged) { f.entries[0].head.ModTime = time.Unix(1, 0) }, "has a time"},
		"device number": {func(f *forged) { f.entries[0].head.Devmajor = 1 }, "device number"},
		"minor number":  {func(f *forged) { f.entries[0].head.Devminor = 1 }, "device number"},
		"access time":   {func(f *forged) { f.entries[0].head.AccessTime = time.Unix(1, 0) }, `pax record "atime"`},
		"attribute": {func(f *forged) {
			f.entries[0].head.PAXRecords = map[string]string{"SCHILY.xattr.security.capability": "x"}
		}, `pax record "SCHILY`},
		"sparse file": {func(f *forged) {
			f.entries[0].head.PAXRecords = map[string]string{"GNU.sparsd.map": "0,5", "GNU.sparsd.numblocks": "1"}
		}, `pax record "GNU`},
		"gnu format": {func(f *forged) { f.entries[0].head.Format = tar.FormatGNU }, "not pax"},
		"file with a target": {func(f *forged) {
			f.entries[0].head.Linkname = "b"
			f.manifest.Files[0].Link = "b"
		}, "a file has no target"},
		"link without a target": {func(f *forged) {
			f.entries[2].head.Linkname = ""
			f.manifest.Files[2].Link = ""
		}, "a link has a target"},

		"path above root":  {func(f *forged) { f.add("../x", "d") }, `"../x": not a relative path`},
		"path back up":     {func(f *forged) { f.add("etc/../../x", "d") }, "not a relative path of UTF-8"},
		"absolute path":    {func(f *forged) { f.add("/etc/x", "d") }, "not a relative path of UTF-8"},
		"newline in path":  {func(f *forged) { f.add("etc/x\ny", "d") }, "not a relative path of UTF-8"},
		"same path twice":  {func(f *forged) { f.add("etc/c", "d") }, "the same path"},
		"case only":        {func(f *forged) { f.add("etc/C", "d") }, "differ in case only"},
		"unsorted":         {func(f *forged) { f.add("etc/0", "d") }, "sorted by path"},
		"second manifest":  {func(f *forged) { f.add("manifest.json", "{}") }, "the same path"},
		"under a link":     {func(f *forged) { f.add("etc/c/x", "d") }, "and the directory \"etc/c\" are the same path"},
		"link above root":  {func(f *forged) { f.link("etc/x", "../../b") }, "climbs above the root"},
		"link out":         {func(f *forged) { f.link("etc/x", "/etc/shadow") }, "where the bundle holds no file"},
		"link to itself":   {func(f *forged) { f.link("etc/x", "x") }, "too many links"},
		"nothing":          {func(f *forged) { f.manifest.Files, f.entries = []pkibundle.Entry{}, nil }, "holds no files"},
		"file too large":   {func(f *forged) { f.add("etc/x", strings.Repeat("d", 1<<20+1)) }, "file size"},
		"endless path":     {func(f *forged) { f.add(strings.Repeat("x", 5000), "d") }, "not a relative path of UTF-8"},
		"endless target":   {func(f *forged) { f.link("etc/x", strings.Repeat("./", 2500)+"b") }, "too long"},
		"owner of 33 bits": {func(f *forged) { f.add("etc/x", "d"); setOwner(f, 1<<32) }, "not two numbers of 32 bits"},
		"link with a mode": {func(f *forged) {
			f.link("etc/x", "b")
			f.manifest.Files[3].Mode, f.entries[3].head.Mode = 0o700, 0o700
		}, "mode 0777"},

		"version 0":             {func(f *forged) { f.manifest.Version = 0 }, "version 0 does not exist"},
		"negative version":      {func(f *forged) { f.manifest.Version = -1 }, "version -1 does not exist"},
		"manifest not JSON":     {func(f *forged) { f.json = []byte("version: 1") }, "parse manifest.json"},
		"manifest empty":        {func(f *forged) { f.json = []byte{} }, "parse manifest.json"},
		"key twice":             {func(f *forged) { f.json = []byte(`{"version":1,"version":1,"files":[]}`) }, "not in the form"},
		"key in another case":   {func(f *forged) { f.json = []byte(`{"version":1,"Files":[]}`) }, "not in the form"},
		"no files key":          {func(f *forged) { f.json = []byte(`{"version":1}`) }, "not in the form"},
		"unknown field":         {func(f *forged) { f.json = []byte(`{"version":1,"run":"sh"}`) }, "not in the form"},
		"data after JSON":       {func(f *forged) { f.json = []byte(`{"version":1,"files":[]}{}`) }, "parse manifest.json"},
		"role of two words":     {func(f *forged) { f.manifest.Files[0].Role = "two words" }, `role "two words" is not a word`},
		"time with a zone":      {func(f *forged) { f.manifest.Created = sealedAt.In(time.FixedZone("", 3600)) }, "not in UTC"},
		"time with nanoseconds": {func(f *forged) { f.manifest.Created = sealedAt.Add(1) }, "not in UTC and whole seconds"},
		"signer of 31 bytes":    {func(f *forged) { f.manifest.Signer = make([]byte, 31) }, "the signer is no Ed25519 key"},
		"signer, no signature":  {func(f *forged) { f.manifest.Signer = make([]byte, 32) }, "is not manifest.json.sig"},
		"certificate of control characters": {func(f *forged) {
			f.manifest.Files[0].Certificate = &pkibundle.Certificate{Subject: "CN=\x1b[2J"}
		}, "holds control characters"},
		"directory missing":      {func(f *forged) { f.manifest.Directories = []pkibundle.Directory{} }, "1 directories hold the files, and the bundle knows 0"},
		"another directory":      {func(f *forged) { f.manifest.Directories = []pkibundle.Directory{{Path: "usr"}} }, `directory "usr" comes where "etc" belongs`},
		"directory by case only": {func(f *forged) { f.add("ETC/x", "d") }, "sorted by path"},
		"setuid directory": {func(f *forged) {
			f.manifest.Directories = []pkibundle.Directory{{Path: "etc", Mode: 0o755 | fs.ModeSetgid}}
		}, "more than permission bits"},
		"owner of a directory": {func(f *forged) {
			f.manifest.Directories = []pkibundle.Directory{{Path: "etc", Owner: pkibundle.Owner{UID: -1}}}
		}, "not two numbers of 32 bits"},
		"omission twice":        {func(f *forged) { f.manifest.Omitted = make([]pkibundle.Omission, 2) }, "is not sorted, there twice"},
		"omission with newline": {func(f *forged) { f.manifest.Omitted = []pkibundle.Omission{{Path: "a\nb"}} }, "is not sorted, there twice"},
		"deep JSON":             {func(f *forged) { f.json = bytes.Repeat([]byte("["), 1<<19) }, "parse manifest.json"},
		"manifest of 4 MiB+1":   {func(f *forged) { f.json = append([]byte(`{"version":1}`), bytes.Repeat([]byte(" "), 4<<20)...) }, "manifest size"},
	}
	for _, name := range slices.Sorted(maps.Keys(tests)) {
		t.Run(name, func(t *testing.T) {
			f := honest()
			tests[name].spoil(f)
			plain := f.tar(t)
			if name == "sparse file" { // which archive/tar reads, but refuses to write
				plain = bytes.Replace(plain, []byte("GNU.sparsd"), []byte("GNU.sparse"), -1)
			}
			wantCorrupt(t, plain, tests[name].want)
		})
	}
}

func setOwner(f *forged, id int) {
	last := len(f.entries) - 1
	f.manifest.Files[last].Owner.UID, f.entries[last].head.Uid = id, id
}

func TestForgedFirstEntryIsRefused(t *testing.T) {
	manifest := []byte(`{"version":1,"files":[]}`)
	head := tar.Header{Typeflag: tar.TypeReg, Name: "manifest.json", Mode: 0o600, Size: int64(len(manifest)), Format: tar.FormatPAX}
	tests := map[string]func(h *tar.Header){
		"name":  func(h *tar.Header) { h.Name = "./manifest.json" },
		"mode":  func(h *tar.Header) { h.Mode = 0o644 },
		"owner": func(h *tar.Header) { h.Uid = 1 },
	}
	for name, spoil := range tests {
		t.Run(name, func(t *testing.T) {
			h := head
			spoil(&h)
			wantCorrupt(t, writeTar(t, []entry{{h, manifest}}), "is not manifest.json")
		})
	}
	t.Run("missing", func(t *testing.T) { wantCorrupt(t, writeTar(t, honest().entries), "is not manifest.json") })
	t.Run("no entries", func(t *testing.T) { wantCorrupt(t, make([]byte, 1024), "unexpected EOF") })
	t.Run("no archive", func(t *testing.T) { wantCorrupt(t, nil, "unexpected EOF") })
}

// Everything here leaves manifest and entries as they are.
func TestForgedFramingIsRefused(t *testing.T) {
	good := honest().tar(t)
	files := len(good) - 1024 // without the two zero blocks
	paxHeader := func(name string) []byte {
		long := writeTar(t, []entry{{head: tar.Header{Typeflag: tar.TypeReg, Name: strings.Repeat(name, 200), Format: tar.FormatPAX}}})
		return long[:1024]
	}
	a := bytes.Index(good, []byte("etc/a\x00")) // start of its header
	alpha := bytes.Index(good, []byte("alpha"))
	tests := map[string]struct {
		plain []byte
		want  string
	}{
		"trailing byte":       {append(slices.Clone(good), 0), "bytes follow"},
		"trailing zero block": {append(slices.Clone(good), make([]byte, 512)...), "bytes follow"},
		"trailing archive":    {append(slices.Clone(good), good...), "bytes follow"},
		"no zero blocks":      {good[:files], "0 bytes follow"},
		"one zero block":      {good[:files+512], "512 bytes follow"},
		"half a zero block":   {good[:files+256], "unexpected EOF"},
		"dirty zero block":    {slices.Concat(good[:files+600], []byte{1}, good[files+601:]), "invalid tar header"},
		"dirty padding":       {slices.Concat(good[:alpha+5], []byte{1}, good[alpha+6:]), `entry "etc/a": padding is not zero`},
		"two pax headers":     {slices.Concat(good[:a], paxHeader("x"), paxHeader("y"), good[a:]), "more than one pax header"},
		"dirty checksum":      {slices.Concat(good[:a], []byte("f"), good[a+1:]), "invalid tar header"},
		"cut in a header":     {good[:a+100], "unexpected EOF"},
		"cut in contents":     {good[:alpha+2], "unexpected EOF"},
		"cut in padding":      {good[:alpha+5], "unexpected EOF"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { wantCorrupt(t, test.plain, test.want) })
	}
}

// withSize writes the size field of the header at a place, and its checksum.
func withSize(plain []byte, at int, size []byte) []byte {
	out := slices.Clone(plain)
	head := out[at : at+512]
	copy(head[124:136], size)
	copy(head[148:156], "        ")
	sum := 0
	for _, b := range head {
		sum += int(b)
	}
	copy(head[148:156], fmt.Sprintf("%06o\x00 ", sum))
	return out
}

// A size that nobody backs with bytes must not be believed.
func TestForgedSizesAreRefused(t *testing.T) {
	good := honest().tar(t)
	a := bytes.Index(good, []byte("etc/a\x00"))
	c := bytes.Index(good, []byte("etc/c\x00"))
	binary := func(size uint64) []byte { return binary.BigEndian.AppendUint64([]byte{0x80, 0, 0, 0}, size) }
	tests := map[string]struct {
		plain []byte
		want  string
	}{
		"one block more":     {withSize(good, a, []byte("00000001000\x00")), `entry "etc/a" is not as the manifest`},
		"to the last byte":   {withSize(good[:a+1024], a, []byte("00000001000\x00")), `entry "etc/a" is not as the manifest`},
		"past the last byte": {withSize(good[:a+1024], a, []byte("00000001001\x00")), "unexpected EOF"},
		"8 GiB":              {withSize(good, a, []byte("77777777777\x00")), "unexpected EOF"},
		"2^62":               {withSize(good, a, binary(1<<62)), "not pax"},
		"2^63-1":             {withSize(good, a, binary(1<<63-1)), "not pax"},
		"2^63":               {withSize(good, a, binary(1<<63)), "invalid tar header"},
		"link with contents": {withSize(good, c, []byte("00000000004\x00")), "a link has a target and no contents"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { wantCorrupt(t, test.plain, test.want) })
	}
	if _, err := openPlain(t, withSize(good, a, []byte("00000000005\x00"))); err != nil {
		t.Errorf("the true size is refused: %v", err)
	}
}

func TestNewerVersion(t *testing.T) {
	f := honest()
	f.json = []byte(`{"version":2,"signature":"of a later format","files":{}}`)
	_, err := openPlain(t, f.tar(t))
	if !errors.Is(err, pkibundle.ErrNewerVersion) || errors.Is(err, pkibundle.ErrCorrupt) {
		t.Errorf("error %v", err)
	}
}
