package durable_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/clustersnap/clustersnap/internal/durable"
)

func create(t *testing.T, path string) *durable.File {
	t.Helper()
	f, err := durable.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func write(t *testing.T, f *durable.File, p []byte) {
	t.Helper()
	if n, err := f.Write(p); n != len(p) || err != nil {
		t.Fatalf("Write: %d of %d bytes, %v", n, len(p), err)
	}
}

// commit holds what the file is in the end against want.
func commit(t *testing.T, f *durable.File, path string, want []byte) {
	t.Helper()
	if err := f.Commit(); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes are in the file (%v), want %d others", len(got), err, len(want))
	}
	list, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(list) != 1 {
		t.Errorf("left beside it: %v (%v)", list, err)
	}
}

// noise gives n bytes of which no two windows are alike.
func noise(n int) []byte {
	b := make([]byte, n)
	x := uint32(1)
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
	return b
}

// Sizes around those at which the kernel is asked to begin, in pieces that don't divide them.
func TestWholeAtEverySize(t *testing.T) {
	const window = 8 << 20
	content := noise(3*window + 1)
	for _, size := range []int{0, 1, window - 1, window, window + 1, len(content)} {
		path := filepath.Join(t.TempDir(), "file")
		f := create(t, path)
		for rest := content[:size]; len(rest) > 0; {
			n := min(len(rest), 77777)
			write(t, f, rest[:n])
			rest = rest[n:]
		}
		if f.Size() != int64(size) {
			t.Errorf("Size is %d, want %d", f.Size(), size)
		}
		commit(t, f, path, content[:size])
	}
}

func TestReadAt(t *testing.T) {
	f := create(t, filepath.Join(t.TempDir(), "file"))
	write(t, f, []byte("0123"))
	write(t, f, []byte("456789"))
	got, err := io.ReadAll(io.NewSectionReader(f, 2, f.Size()-2))
	if string(got) != "23456789" || err != nil {
		t.Errorf("read %q, %v", got, err)
	}
	write(t, f, []byte("x"))
	if n, err := f.ReadAt(make([]byte, 4), 8); n != 3 || err != io.EOF {
		t.Errorf("at the end: %d bytes, %v", n, err)
	}
}

func TestRestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	f := create(t, path)
	write(t, f, noise(9<<20))
	if err := f.Restart(); err != nil {
		t.Fatal(err)
	}
	if n, err := f.ReadAt(make([]byte, 1), 0); n != 0 || err != io.EOF || f.Size() != 0 {
		t.Errorf("emptied, and it has %d bytes: %d, %v", f.Size(), n, err)
	}
	write(t, f, []byte("second"))
	if f.Size() != 6 {
		t.Errorf("Size is %d, want that of the second content", f.Size())
	}
	commit(t, f, path, []byte("second"))
}

func TestRestartOfNothing(t *testing.T) {
	for name, end := range map[string]func(*durable.File) error{
		"committed": (*durable.File).Commit,
		"closed":    (*durable.File).Close,
	} {
		path := filepath.Join(t.TempDir(), "file")
		f := create(t, path)
		write(t, f, []byte("first"))
		if err := end(f); err != nil {
			t.Fatal(err)
		}
		if err := f.Restart(); !errors.Is(err, fs.ErrClosed) {
			t.Errorf("%s: %v, want fs.ErrClosed", name, err)
		}
		if b, err := os.ReadFile(path); err == nil && string(b) != "first" {
			t.Errorf("%s: restart has changed it to %q", name, b)
		}
	}
}
