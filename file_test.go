package clustersnap_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/clustersnap/clustersnap"
)

func names(t *testing.T, dir string) []string {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}

func create(t *testing.T, path string) *clustersnap.File {
	t.Helper()
	f, err := clustersnap.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func TestFileCommitted(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "set")
	f := create(t, path)
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("the file is there before Commit: %v", err)
	}
	if _, err := f.Write([]byte("whole")); err != nil {
		t.Fatal(err)
	}
	if err := f.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Errorf("Close after Commit: %v", err)
	}
	if err := f.Commit(); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("second Commit: %v", err)
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "whole" {
		t.Errorf("content %q (%v)", b, err)
	}
	if got := names(t, dir); len(got) != 1 {
		t.Errorf("left beside it: %v", got)
	}
}

func TestFileNotCommitted(t *testing.T) {
	dir := t.TempDir()
	f := create(t, filepath.Join(dir, "set"))
	f.Write([]byte("half"))
	for range 2 {
		if err := f.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	if got := names(t, dir); len(got) != 0 {
		t.Errorf("left behind: %v", got)
	}
	if err := f.Commit(); err == nil {
		t.Error("Commit after Close succeeds")
	}
}

func TestFileNeverReplaces(t *testing.T) {
	path := filepath.Join(t.TempDir(), "set")
	f := create(t, path)
	if err := os.WriteFile(path, []byte("older"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := f.Commit(); !errors.Is(err, fs.ErrExist) {
		t.Errorf("Commit over a file: %v, want fs.ErrExist", err)
	}
	if _, err := clustersnap.Create(path); !errors.Is(err, fs.ErrExist) {
		t.Errorf("Create over a file: %v, want fs.ErrExist", err)
	}
	if b, _ := os.ReadFile(path); string(b) != "older" {
		t.Errorf("the older file is now %q", b)
	}
	if got := names(t, filepath.Dir(path)); len(got) != 1 {
		t.Errorf("left behind: %v", got)
	}
}

func TestFileWithoutDirectory(t *testing.T) {
	_, err := clustersnap.Create(filepath.Join(t.TempDir(), "missing", "set"))
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want fs.ErrNotExist", err)
	}
}

// A writer that was killed leaves a partial file without a lock. A living one's is left alone.
func TestAbandonedPartialsAreRemoved(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "set")
	if err := os.WriteFile(filepath.Join(dir, ".set.123.partial"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	living := create(t, path)
	second := create(t, path)
	if err := living.Commit(); err != nil {
		t.Errorf("the second Create took the first one's file away: %v", err)
	}
	second.Close()
	if got := names(t, dir); len(got) != 1 || got[0] != "set" {
		t.Errorf("left: %v", got)
	}
}

func TestFileOddPaths(t *testing.T) {
	t.Chdir(t.TempDir())
	if _, err := clustersnap.Create(""); err == nil {
		t.Error("an empty path is accepted")
	}
	f := create(t, "missing/../set")
	if err := f.Commit(); err != nil {
		t.Error(err)
	}
}
