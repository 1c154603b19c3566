package clustersnap_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"testing/iotest"
	"time"

	"github.com/clustersnap/clustersnap"
)

var created = time.Date(2026, 11, 23, 17, 4, 5, 600, time.UTC)

func text(s string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, s)
		return err
	}
}

// sampleMembers stand in every set that a test takes apart.
var sampleMembers = []struct{ name, content string }{
	{"node.json", `{"name":"cp1"}`},
	{"etcd.snap.zst", strings.Repeat("page ", 100)},
	{"volumes/a/handle.json", "h"},
	{"volumes/b.json", ""},
}

func writeSample(t testing.TB, dst io.Writer) {
	t.Helper()
	w := clustersnap.NewWriter(dst, created)
	for _, m := range sampleMembers {
		if err := w.Add(m.name, map[string]int{"bytes": len(m.content)}, text(m.content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

func sample(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	writeSample(t, &b)
	return b.Bytes()
}

func openSet(b []byte) (*clustersnap.Set, error) {
	return clustersnap.Open(bytes.NewReader(b), int64(len(b)))
}

// accepted reports whether b is a set all of whose members read well.
func accepted(b []byte) error {
	s, err := openSet(b)
	if err != nil {
		return err
	}
	return s.Verify(context.Background())
}

func TestRoundTrip(t *testing.T) {
	s, err := openSet(sample(t))
	if err != nil {
		t.Fatal(err)
	}
	if !s.Created().Equal(created) {
		t.Errorf("created %v, want %v", s.Created(), created)
	}
	members := s.Members()
	if len(members) != len(sampleMembers) {
		t.Fatalf("%d members, want %d", len(members), len(sampleMembers))
	}
	members[0].Description[0] = 'X' // ours, not the set's
	members = s.Members()
	for i, want := range sampleMembers {
		m := members[i]
		if m.Name != want.name || m.Size != int64(len(want.content)) {
			t.Errorf("member %d is %s of %d bytes, want %s of %d", i, m.Name, m.Size, want.name, len(want.content))
		}
		var d struct{ Bytes int }
		if err := json.Unmarshal(m.Description, &d); err != nil || d.Bytes != len(want.content) {
			t.Errorf("description of %s: %s (%v)", m.Name, m.Description, err)
		}
		got, err := fs.ReadFile(s, want.name)
		if err != nil || string(got) != want.content {
			t.Errorf("content of %s: %q (%v)", want.name, got, err)
		}
	}
}

func TestFS(t *testing.T) {
	s, err := openSet(sample(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := fstest.TestFS(s, "node.json", "etcd.snap.zst", "volumes/a/handle.json", "volumes/b.json"); err != nil {
		t.Fatal(err)
	}
}

func TestOneByteReads(t *testing.T) {
	b := sample(t)
	s, err := clustersnap.Open(oneByte{bytes.NewReader(b)}, int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range sampleMembers {
		f, err := s.Open(m.name)
		if err != nil {
			t.Fatal(err)
		}
		if err := iotest.TestReader(f, []byte(m.content)); err != nil {
			t.Errorf("%s: %v", m.name, err)
		}
		f.Close()
	}
}

// oneByte is a legal ReaderAt of the slowest kind: it fills p by reads of one byte.
type oneByte struct{ r io.ReaderAt }

func (o oneByte) ReadAt(p []byte, at int64) (int, error) {
	for i := range p {
		if _, err := o.r.ReadAt(p[i:i+1], at+int64(i)); err != nil {
			return i, err
		}
	}
	return len(p), nil
}

// The standard library's reader is another implementation of the container.
func TestZipReaderAgrees(t *testing.T) {
	b := sample(t)
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range z.File {
		names = append(names, f.Name)
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r) // checks the CRC
		if err != nil {
			t.Fatal(err)
		}
		if f.Method != zip.Store || f.Mode() != 0o600 || !f.Modified.Equal(created.Truncate(2*time.Second)) {
			t.Errorf("%s: method %d, mode %v, modified %v", f.Name, f.Method, f.Mode(), f.Modified)
		}
		for _, m := range sampleMembers {
			if m.name == f.Name && m.content != string(got) {
				t.Errorf("%s: %q", f.Name, got)
			}
		}
	}
	if want := "node.json etcd.snap.zst volumes/a/handle.json volumes/b.json index.json"; strings.Join(names, " ") != want {
		t.Errorf("zip lists %s, want %s", names, want)
	}
}

func TestEveryTruncation(t *testing.T) {
	b := sample(t)
	for n := range b {
		if err := accepted(b[:n]); err == nil {
			t.Errorf("the first %d of %d bytes are accepted", n, len(b))
		}
	}
}

func TestEveryFlip(t *testing.T) {
	b := sample(t)
	if err := accepted(b); err != nil {
		t.Fatal(err)
	}
	for i := range b {
		for _, mask := range []byte{0x01, 0x80, 0xff} {
			b[i] ^= mask
			if err := accepted(b); err == nil {
				t.Errorf("byte %d of %d flipped by %#x is accepted", i, len(b), mask)
			}
			b[i] ^= mask
		}
	}
}

func TestJunkAround(t *testing.T) {
	b := sample(t)
	for _, junk := range []string{"\x00", "#!/bin/sh\n", strings.Repeat("z", 4096), string(b)} {
		if err := accepted(append([]byte(junk), b...)); err == nil {
			t.Errorf("%d leading bytes are accepted", len(junk))
		}
		if err := accepted(append(bytes.Clone(b), junk...)); err == nil {
			t.Errorf("%d trailing bytes are accepted", len(junk))
		}
	}
}

// A ReaderAt that ends before the size it was given for, as a file that shrinks.
func TestSizeThatLies(t *testing.T) {
	b := sample(t)
	for _, size := range []int64{-1, 0, int64(len(b)) - 1, int64(len(b)) + 1, 1 << 62} {
		if _, err := clustersnap.Open(bytes.NewReader(b), size); err == nil {
			t.Errorf("size %d is accepted for %d bytes", size, len(b))
		}
	}
	s, err := clustersnap.Open(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Verify(context.Background()); err != nil {
		t.Fatal(err)
	}
	shrunk := &shrinking{bytes.NewReader(b), int64(len(b))}
	if s, err = clustersnap.Open(shrunk, int64(len(b))); err != nil {
		t.Fatal(err)
	}
	shrunk.size = 200
	if err := s.Verify(context.Background()); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a file that shrinks: %v, want unexpected EOF", err)
	}
}

type shrinking struct {
	r    io.ReaderAt
	size int64
}

func (s *shrinking) ReadAt(p []byte, at int64) (int, error) {
	return io.NewSectionReader(s.r, 0, s.size).ReadAt(p, at)
}

func TestNewerVersion(t *testing.T) {
	b := bytes.Replace(sample(t), []byte("clustersnap set 0001 "), []byte("clustersnap set 0002 "), 1)
	_, err := openSet(b)
	if !errors.Is(err, clustersnap.ErrNewerVersion) || !strings.Contains(err.Error(), "version 2") {
		t.Errorf("got %v, want ErrNewerVersion with the number", err)
	}
}

// A save that fails half-way, then the deferred closes that everybody writes.
func TestFailedFillIsNoSet(t *testing.T) {
	boom := errors.New("connection reset")
	for name, fill := range map[string]func(io.Writer) error{
		"error": func(w io.Writer) error {
			io.WriteString(w, "half")
			return boom
		},
		"compressed": clustersnap.Compressed(func(w io.Writer) error {
			io.WriteString(w, "half")
			return boom
		}),
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			w := clustersnap.NewWriter(&b, created)
			if err := w.Add("a", nil, text("whole")); err != nil {
				t.Fatal(err)
			}
			if err := w.Add("b", nil, fill); !errors.Is(err, boom) {
				t.Fatalf("Add: %v, want the fill's error", err)
			}
			if err := w.Add("c", nil, text("late")); !errors.Is(err, boom) {
				t.Errorf("Add after failure: %v, want the first error", err)
			}
			for range 2 {
				if err := w.Close(); !errors.Is(err, boom) {
					t.Errorf("Close: %v, want the first error", err)
				}
			}
			if err := accepted(b.Bytes()); err == nil {
				t.Error("the unfinished set is accepted")
			}
		})
	}
}

func TestPanickingFillIsNoSet(t *testing.T) {
	var b bytes.Buffer
	w := clustersnap.NewWriter(&b, created)
	func() {
		defer func() { recover() }()
		w.Add("a", nil, func(io.Writer) error { panic("in fill") })
	}()
	if err := w.Close(); err == nil {
		t.Error("Close after a panic in fill succeeds")
	}
	if err := accepted(b.Bytes()); err == nil {
		t.Error("the unfinished set is accepted")
	}
}

func TestSwallowedWriteErrorPoisons(t *testing.T) {
	w := clustersnap.NewWriter(&failing{left: 64}, created)
	err := w.Add("a", nil, func(dst io.Writer) error {
		dst.Write(make([]byte, 100)) // and looks away
		return nil
	})
	if !errors.Is(err, errFull) {
		t.Errorf("Add: %v, want the writer's error", err)
	}
	if err := w.Close(); !errors.Is(err, errFull) {
		t.Errorf("Close: %v, want the writer's error", err)
	}
}

// The destination fails at every possible byte: Close never succeeds.
func TestDestinationFailsAnywhere(t *testing.T) {
	whole := len(sample(t))
	for n := range whole {
		w := clustersnap.NewWriter(&failing{left: n}, created)
		for _, m := range sampleMembers {
			w.Add(m.name, map[string]int{"bytes": len(m.content)}, text(m.content))
		}
		if err := w.Close(); !errors.Is(err, errFull) {
			t.Fatalf("destination full after %d of %d bytes, and Close says %v", n, whole, err)
		}
	}
}

var errFull = errors.New("no space left")

type failing struct{ left int }

func (f *failing) Write(p []byte) (int, error) {
	if len(p) > f.left {
		n := f.left
		f.left = 0
		return n, errFull
	}
	f.left -= len(p)
	return len(p), nil
}

func TestMisuse(t *testing.T) {
	t.Run("nested", func(t *testing.T) {
		w := clustersnap.NewWriter(io.Discard, created)
		w.Add("a", nil, func(io.Writer) error {
			if err := w.Add("b", nil, text("")); err == nil {
				t.Error("Add inside a fill succeeds")
			}
			return nil
		})
		if err := w.Close(); err == nil {
			t.Error("Close after a nested Add succeeds")
		}
	})
	t.Run("writer kept", func(t *testing.T) {
		var kept io.Writer
		w := clustersnap.NewWriter(io.Discard, created)
		w.Add("a", nil, func(dst io.Writer) error { kept = dst; return nil })
		if _, err := kept.Write([]byte("late")); err == nil {
			t.Error("a fill's writer works after the fill")
		}
	})
	t.Run("after close", func(t *testing.T) {
		w := clustersnap.NewWriter(io.Discard, created)
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if err := w.Add("a", nil, text("")); err == nil {
			t.Error("Add after Close succeeds")
		}
	})
	t.Run("description", func(t *testing.T) {
		w := clustersnap.NewWriter(io.Discard, created)
		if err := w.Add("a", func() {}, text("")); err == nil {
			t.Error("a description that is no JSON is accepted")
		}
	})
	t.Run("description too large", func(t *testing.T) {
		w := clustersnap.NewWriter(io.Discard, created)
		if err := w.Add("a", strings.Repeat("x", 17<<20), text("")); err == nil {
			t.Error("an index that Open would refuse is written")
		}
	})
	t.Run("created", func(t *testing.T) {
		for _, year := range []int{0, 1979, 2108} {
			w := clustersnap.NewWriter(io.Discard, time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC))
			if err := w.Close(); err == nil {
				t.Errorf("creation year %d is accepted", year)
			}
		}
	})
}

// The description is taken when fill has returned.
func TestDescriptionCompletedByFill(t *testing.T) {
	var b bytes.Buffer
	var info struct{ Revision int }
	w := clustersnap.NewWriter(&b, created)
	w.Add("etcd.snap", &info, func(io.Writer) error {
		info.Revision = 42
		return nil
	})
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := openSet(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	info.Revision = 0
	if err := json.Unmarshal(s.Members()[0].Description, &info); err != nil || info.Revision != 42 {
		t.Errorf("description %s (%v)", s.Members()[0].Description, err)
	}
}

func TestNames(t *testing.T) {
	bad := []string{
		"", ".", "..", "/etc/passwd", "../x", "a/../b", "a//b", "a/", "a\x00b", "a\nb", `a\b`, `c:\x`, "c:x",
		"a.", "a./b", "con", "NUL.txt", "a/com1", "\xff", "caf\u00e9", "index.json", "INDEX.json", "index.json/x",
		strings.Repeat("n", 256), "1/2/3/4/5/6/7/8/9",
	}
	for _, name := range bad {
		t.Run(fmt.Sprintf("%q", name), func(t *testing.T) {
			w := clustersnap.NewWriter(io.Discard, created)
			if err := w.Add(name, nil, text("")); err == nil {
				t.Error("Add accepts it")
			}
		})
	}
	for _, pair := range [][2]string{{"a", "a"}, {"a", "A"}, {"a", "a/b"}, {"a/b", "a"}, {"a/b", "A"}, {"a/B/c", "A/b"}} {
		t.Run(fmt.Sprintf("%q", pair), func(t *testing.T) {
			w := clustersnap.NewWriter(io.Discard, created)
			if err := w.Add(pair[0], nil, text("")); err != nil {
				t.Fatal(err)
			}
			if err := w.Add(pair[1], nil, text("")); err == nil {
				t.Error("Add accepts the second")
			}
		})
	}
	w := clustersnap.NewWriter(io.Discard, created)
	for _, name := range []string{"a", "b/c", "b/d", "..x", ".hidden", "com", "console", "1/2/3/4/5/6/7/8", strings.Repeat("n", 255)} {
		if err := w.Add(name, nil, text("")); err != nil {
			t.Errorf("Add refuses %q: %v", name, err)
		}
	}
}

func TestVerifyNamesEveryBadMember(t *testing.T) {
	b := sample(t)
	for _, content := range []string{"page page", "cp1"} {
		b[bytes.Index(b, []byte(content))] ^= 1
	}
	err := accepted(b)
	if !errors.Is(err, clustersnap.ErrCorrupt) || !strings.Contains(err.Error(), "etcd.snap.zst") || !strings.Contains(err.Error(), "node.json") {
		t.Errorf("got %v, want both members named", err)
	}
}

// io.ReadFull drops an error that comes with the last byte, so the last byte must not come.
func TestLastBytesAreWithheld(t *testing.T) {
	b := sample(t)
	b[bytes.Index(b, []byte("cp1"))] ^= 1
	s, err := openSet(b)
	if err != nil {
		t.Fatal(err)
	}
	f, err := s.Open("node.json")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	buf := make([]byte, len(sampleMembers[0].content))
	if _, err := io.ReadFull(f, buf); !errors.Is(err, clustersnap.ErrCorrupt) {
		t.Errorf("all of a damaged member can be read: %v", err)
	}
	if n, err := f.Read(buf); n != 0 || !errors.Is(err, clustersnap.ErrCorrupt) {
		t.Errorf("the error does not stay: %d, %v", n, err)
	}
}

func TestVerifyStopsWithContext(t *testing.T) {
	s, err := openSet(sample(t))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Verify(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}
