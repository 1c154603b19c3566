package store

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// folder opens a store in a directory of the test.
func folder(t *testing.T) (*Store, string) {
	t.Helper()
	dir := t.TempDir()
	s, err := Open(t.Context(), "file://"+dir+"/", Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s, dir
}

func put(t *testing.T, s *Store, set string, content []byte, verdict Verdict) (Receipt, error) {
	t.Helper()
	u, err := s.Create(t.Context(), set, pruneNow)
	if err != nil {
		return Receipt{}, err
	}
	defer u.Close()
	if _, err := u.Write(content); err != nil {
		return Receipt{}, err
	}
	return u.Commit(t.Context(), goodReceipt().About, verdict)
}

// names are those of all files in a directory.
func names(t *testing.T, dir string) (found []string) {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		found = append(found, e.Name())
	}
	return found
}

func listed(t *testing.T, s *Store) *Listing {
	t.Helper()
	l, err := s.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestCommitted(t *testing.T) {
	s, dir := folder(t)
	content := bytes.Repeat([]byte("0123456789abcdef"), 100_000)
	r, err := put(t, s, "a.clustersnap", content, Verified)
	if err != nil {
		t.Fatal(err)
	}
	in, again, err := s.OpenSet(t.Context(), "a.clustersnap")
	if err != nil || again != r {
		t.Fatalf("%+v, %v, want %+v", again, err, r)
	}
	defer in.Close()
	got, err := io.ReadAll(io.NewSectionReader(in, 0, in.Size()))
	if err != nil || !bytes.Equal(got, content) {
		t.Errorf("%d bytes come back, of %d: %v", len(got), len(content), err)
	}
	some := make([]byte, 20)
	for _, at := range []int64{0, 1_500_000, 7, int64(len(content)) - 20, 300_000} {
		if n, err := in.ReadAt(some, at); n != 20 || err != nil || !bytes.Equal(some, content[at:at+20]) {
			t.Errorf("at %d: %q, %v", at, some[:n], err)
		}
	}
	if n, err := in.ReadAt(some, int64(len(content))-5); n != 5 || err != io.EOF {
		t.Errorf("at the end: %d, %v", n, err)
	}
	if _, err := s.Create(t.Context(), "a.clustersnap", pruneNow); err == nil || !strings.Contains(err.Error(), "exists") {
		t.Errorf("the second one of a name: %v", err)
	}
	for _, name := range names(t, dir) {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
	if err := s.Delete(t.Context(), "a.clustersnap"); err != nil || len(names(t, dir)) != 0 {
		t.Errorf("after the delete: %v, %v", names(t, dir), err)
	}
}

func TestNotCommitted(t *testing.T) {
	s, dir := folder(t)
	u, err := s.Create(t.Context(), "a.clustersnap", pruneNow)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := u.Write([]byte("part")); err != nil {
		t.Fatal(err)
	}
	l := listed(t, s)
	if len(l.Sets) != 0 || len(l.Leftovers) != 1 || l.Leftovers[0].Kind != Temporary {
		t.Errorf("while it is written: %+v", l)
	}
	if err := u.Close(); err != nil {
		t.Error(err)
	}
	if found := names(t, dir); len(found) != 0 {
		t.Errorf("left behind: %v", found)
	}
}

// What was not written back as it was sent is no set.
func TestBadReadBack(t *testing.T) {
	s, dir := folder(t)
	u, err := s.Create(t.Context(), "a.clustersnap", pruneNow)
	if err != nil {
		t.Fatal(err)
	}
	defer u.Close()
	if _, err := u.Write([]byte("content")); err != nil {
		t.Fatal(err)
	}
	if _, err := u.file.WriteAt([]byte("C"), 0); err != nil { // as a disk that lies
		t.Fatal(err)
	}
	_, err = u.Commit(t.Context(), goodReceipt().About, Verified)
	if err == nil || !strings.Contains(err.Error(), "digest differs") {
		t.Errorf("commit: %v", err)
	}
	if found := names(t, dir); len(found) != 0 {
		t.Errorf("left behind: %v", found)
	}
}

func TestListAndSweep(t *testing.T) {
	s, dir := folder(t)
	good, err := put(t, s, "good.clustersnap", []byte("x"), Verified)
	if err != nil {
		t.Fatal(err)
	}
	for _, set := range []string{"cut.clustersnap", "alone.clustersnap"} {
		if _, err := put(t, s, set, []byte("content"), Unverified); err != nil {
			t.Fatal(err)
		}
	}
	write := func(name, content string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("cut.clustersnap", "cont")
	if err := os.Remove(filepath.Join(dir, "alone.clustersnap")); err != nil {
		t.Fatal(err)
	}
	write("moved.clustersnap.receipt.json", string(text(t, good)))
	write("noreceipt.clustersnap", "x")
	write("killed.clustersnap.18a2f.tmp", "x")
	foreign := []string{
		"notes.txt", "other.tmp", "notes.abc.tmp", "x.clustersnap.bak.tmp", "y z.clustersnap", ".hidden.clustersnap.receipt.json",
	}
	for _, name := range foreign {
		write(name, "x")
	}
	l := listed(t, s)
	if len(l.Sets) != 1 || l.Sets[0].Set != "good.clustersnap" {
		t.Errorf("sets: %+v", l.Sets)
	}
	var broken []string
	for _, b := range l.Broken {
		broken = append(broken, b.Set)
		if b.Set == "alone.clustersnap" && !strings.Contains(b.Why, "without its set") {
			t.Errorf("a receipt alone: %s", b.Why)
		}
	}
	if got := strings.Join(broken, " "); got != "alone.clustersnap cut.clustersnap moved.clustersnap" {
		t.Errorf("broken: %s", got)
	}
	for _, set := range append(broken, "noreceipt.clustersnap", "nothing.clustersnap") {
		if _, _, err := s.OpenSet(t.Context(), set); err == nil {
			t.Errorf("%s is opened", set)
		}
	}
	if _, err := s.Receipt(t.Context(), "noreceipt.clustersnap"); !errors.Is(err, ErrNoReceipt) {
		t.Errorf("without a receipt: %v", err)
	}
	if _, err := s.Receipt(t.Context(), "nothing.clustersnap"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without anything: %v", err)
	}
	if len(l.Leftovers) != 2 || l.Leftovers[0].Kind != Temporary || l.Leftovers[1].Kind != Uncommitted {
		t.Fatalf("leftovers: %+v", l.Leftovers)
	}
	late, err := put(t, s, "late.clustersnap", []byte("x"), Verified) // committed after it was listed without its receipt
	if err != nil {
		t.Fatal(err)
	}
	for _, left := range append(l.Leftovers, Leftover{Kind: Uncommitted, Name: late.Set}) {
		if err := s.Sweep(t.Context(), left); err != nil {
			t.Error(err)
		}
	}
	if l := listed(t, s); len(l.Sets) != 2 || len(l.Broken) != 3 || len(l.Leftovers) != 0 {
		t.Errorf("after the sweep: %+v", l)
	}
	for _, name := range foreign {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Errorf("somebody else's: %v", err)
		}
	}
}

func TestReplacedWhileRead(t *testing.T) {
	for _, size := range []int{1 << 20, 2 << 20} {
		s, dir := folder(t)
		if _, err := put(t, s, "a.clustersnap", make([]byte, 1<<20), Verified); err != nil {
			t.Fatal(err)
		}
		in, _, err := s.OpenSet(t.Context(), "a.clustersnap")
		if err != nil {
			t.Fatal(err)
		}
		defer in.Close()
		if _, err := in.ReadAt(make([]byte, 1), 0); err != nil {
			t.Fatal(err)
		}
		set := filepath.Join(dir, "a.clustersnap")
		if err := os.WriteFile(set, make([]byte, size), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(set, pruneNow, pruneNow); err != nil {
			t.Fatal(err)
		}
		if _, err := in.ReadAt(make([]byte, 1), 900_000); err == nil || !strings.Contains(err.Error(), "replaced") {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
}

func TestNoFolder(t *testing.T) {
	_, err := Open(t.Context(), "file:///does/not/exist/", Options{})
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "/does/not/exist") {
		t.Errorf("open: %v", err)
	}
}

// A server that takes the request and says nothing is not waited for for ever.
func TestStall(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "somebody")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "nothing")
	t.Setenv("AWS_REGION", "us-east-1")
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	url := "s3://b/?use_path_style=true&endpoint=http://" + silent.Addr().String()
	s, err := Open(t.Context(), url, Options{Stall: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for name, ask := range map[string]func(context.Context) error{
		"list":    func(ctx context.Context) error { _, err := s.List(ctx); return err },
		"receipt": func(ctx context.Context) error { _, err := s.Receipt(ctx, "a.clustersnap"); return err },
		"create":  func(ctx context.Context) error { _, err := s.Create(ctx, "a.clustersnap", pruneNow); return err },
		"delete":  func(ctx context.Context) error { return s.Delete(ctx, "a.clustersnap") },
		"read": func(ctx context.Context) error {
			_, err := s.reader(ctx, "a.clustersnap", 10).ReadAt(make([]byte, 1), 0)
			return err
		},
	} {
		if err := ask(t.Context()); !errors.Is(err, ErrStalled) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
