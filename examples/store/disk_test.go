package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// A folder behind a link is that folder.
func TestLinkedFolder(t *testing.T) {
	dir := t.TempDir()
	err := errors.Join(os.Mkdir(filepath.Join(dir, "real"), 0o700), os.Symlink("real", filepath.Join(dir, "link")))
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), "file://"+dir+"/link/", Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := put(t, s, "a.clustersnap", []byte("x"), Verified); err != nil {
		t.Fatal(err)
	}
	if l := listed(t, s); len(l.Sets) != 1 {
		t.Errorf("behind a link: %+v", l)
	}
}

// A folder that can't be read is not an empty one.
func TestFolderThatCantBeRead(t *testing.T) {
	s, dir := folder(t)
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	if l, err := s.List(t.Context()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%+v, %v", l, err)
	}
}

// Files that come and go while a folder is listed are no error.
func TestListWhileOthersWrite(t *testing.T) {
	s, dir := folder(t)
	for i := range 500 {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("m%d.txt", i)), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		var err error
		for ctx.Err() == nil && err == nil {
			set := filepath.Join(dir, "z.clustersnap")
			err = errors.Join(os.WriteFile(set+".18a.tmp", nil, 0o600), os.Rename(set+".18a.tmp", set), os.Remove(set))
		}
		done <- err
	}()
	for range 100 {
		if _, err := s.List(t.Context()); err != nil {
			t.Error(err)
			break
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestRelativeFolder(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, url := range []string{"file://./", "file://.", "file://./a.clustersnap"} {
		s, err := Open(t.Context(), url, Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if _, err := put(t, s, "a.clustersnap", []byte("x"), Verified); err != nil {
			t.Errorf("%s: %v", url, err)
		}
		if l := listed(t, s); len(l.Sets) != 1 || len(l.Leftovers) != 0 {
			t.Errorf("%s: %+v", url, l)
		}
		if err := s.Delete(t.Context(), "a.clustersnap"); err != nil {
			t.Error(err)
		}
	}
}

// Sets of one time have an order, too: that of their names.
func TestOrder(t *testing.T) {
	s, _ := folder(t)
	var want []string
	for i := range 8 {
		want = append(want, fmt.Sprintf("%d.clustersnap", i))
		if _, err := put(t, s, want[i], []byte("x"), Unverified); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for _, r := range listed(t, s).Sets {
		got = append(got, r.Set)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
}

func TestTemporary(t *testing.T) {
	s, _ := folder(t)
	for name, want := range map[string]bool{
		"x.clustersnap.18a.tmp": true, "x.clustersnap.receipt.json.18a.tmp": true, "x.clustersnap..tmp": false,
		"x.clustersnap.tmp": false, "x.18a.tmp": false, ".tmp": false,
	} {
		if s.temporary(name) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
}
