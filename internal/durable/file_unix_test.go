//go:build unix

package durable_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/clustersnap/clustersnap/internal/durable"
)

// limit has the kernel refuse to let any file grow beyond 10,000 bytes, until the function that it gives is called.
func limit(t *testing.T) (lift func()) {
	t.Helper()
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		t.Fatal(err)
	}
	set := func(l syscall.Rlimit) {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &l); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { set(old) })
	low := old
	low.Cur = 10000
	set(low)
	return func() { set(old) }
}

// fail gives a file whose second write failed halfway, in a place where writes now succeed.
func fail(t *testing.T, path string) *durable.File {
	t.Helper()
	f := create(t, path)
	lift := limit(t)
	write(t, f, noise(8000))
	n, err := f.Write(noise(8000))
	lift()
	if n != 2000 || !errors.Is(err, syscall.EFBIG) || f.Size() != 10000 {
		t.Fatalf("a write against the limit: %d bytes, %v, size %d", n, err, f.Size())
	}
	return f
}

// A file with a hole in it must not come about because later writes succeed.
func TestFailedWriteSticks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	f := fail(t, path)
	if n, err := f.Write([]byte("more")); n != 0 || !errors.Is(err, syscall.EFBIG) {
		t.Errorf("the next write: %d, %v", n, err)
	}
	if err := f.Commit(); !errors.Is(err, syscall.EFBIG) {
		t.Errorf("Commit: %v, want the error of the write", err)
	}
	if list, err := os.ReadDir(filepath.Dir(path)); err != nil || len(list) != 0 {
		t.Errorf("left behind: %v (%v)", list, err)
	}
	if err := f.Restart(); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("Restart after Commit: %v, want fs.ErrClosed", err)
	}
}

func TestRestartAfterFailedWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	f := fail(t, path)
	if err := f.Restart(); err != nil {
		t.Fatal(err)
	}
	second := noise(5000)
	write(t, f, second)
	commit(t, f, path, second)
}
