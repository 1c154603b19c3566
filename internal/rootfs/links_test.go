//go:build unix

package rootfs_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/clustersnap/clustersnap/internal/rootfs"
)

// link makes a symbolic link and the directories above it.
func link(t *testing.T, dir, name, target string) {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, file); err != nil {
		t.Fatal(err)
	}
}

// linkedTree is a node below t.TempDir() with a secret beside it, outside. Every
// link that a test reads lies in the node.
func linkedTree(t *testing.T) (node string) {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, "secret", "outside")
	node = filepath.Join(dir, "node")
	write(t, node, "data/pki/ca.crt", "ca")
	write(t, node, "secret", "inside")
	link(t, node, "etc/pki", "/data/pki")
	link(t, node, "etc/ca.crt", "pki/ca.crt")
	link(t, node, "etc/same", ".//./ca.crt")
	link(t, node, "data/pki/up", "../../secret")
	link(t, node, "etc/climb", "../../../../../../secret")
	link(t, node, "etc/climbroot", "../..")
	link(t, node, "slash", "/")
	return node
}

func TestLinkedTree(t *testing.T) {
	node := linkedTree(t)
	if err := fstest.TestFS(rootfs.New(node), "etc/pki", "etc/climb", "data/pki/ca.crt"); err != nil {
		t.Error(err)
	}
}

func TestLinksResolveInside(t *testing.T) {
	node := linkedTree(t)
	link(t, node, "etc/hostsecret", filepath.Join(filepath.Dir(node), "secret"))
	link(t, node, "loop", "loop")
	link(t, node, "ping", "pong/x")
	link(t, node, "pong", "ping/x")
	link(t, node, "gone", "/nowhere")
	link(t, node, "etc/throughfile", "ca.crt/../pki/ca.crt")
	link(t, node, "etc/fileslash", "ca.crt/")
	link(t, node, "long", strings.Repeat("data/../", 500)+"secret")
	link(t, node, "longer", strings.Repeat("data/../", 511)+"long")
	write(t, node, "chain/0", "end of the chain")
	for i := range maxLinks + 1 {
		link(t, node, fmt.Sprintf("chain/%d", i+1), fmt.Sprint(i))
	}
	fsys := rootfs.New(node)
	for _, tt := range []struct {
		name, text string
		err        error
	}{
		{name: "data/pki/ca.crt", text: "ca"},
		{name: "etc/pki/ca.crt", text: "ca"}, // an absolute link in the middle
		{name: "etc/ca.crt", text: "ca"},     // a relative link through an absolute one
		{name: "etc/same", text: "ca"},       // empty and dot elements
		{name: "etc/pki/up", text: "inside"}, // ".." of where the link led, not of its name
		{name: "etc/climb", text: "inside"},  // too many "..": clamped
		{name: "etc/climbroot/data/pki/ca.crt", text: "ca"},
		{name: "slash/slash/slash/secret", text: "inside"},
		{name: "long", text: "inside"},
		{name: fmt.Sprint("chain/", maxLinks), text: "end of the chain"},
		{name: fmt.Sprint("chain/", maxLinks+1), err: syscall.ELOOP},
		{name: "loop", err: syscall.ELOOP},
		{name: "ping", err: syscall.ELOOP},
		{name: "longer", err: syscall.ENAMETOOLONG},
		{name: "etc/hostsecret", err: fs.ErrNotExist}, // where the host has a file, the node has none
		{name: "gone", err: fs.ErrNotExist},
		{name: "etc/throughfile", err: syscall.ENOTDIR},
		{name: "etc/fileslash", err: syscall.ENOTDIR},
		{name: "etc/ca.crt/x", err: syscall.ENOTDIR},
		{name: "etc/pki", err: syscall.EISDIR},
	} {
		text, err := fs.ReadFile(fsys, tt.name)
		if string(text) != tt.text || !errors.Is(err, tt.err) {
			t.Errorf("read %s: %q, %v; want %q, %v", tt.name, text, err, tt.text, tt.err)
		}
	}
}

// maxLinks is what Linux follows in one path.
const maxLinks = 40

func TestLstatAndReadLinkStopAtTheLink(t *testing.T) {
	node := linkedTree(t)
	link(t, node, "data/pki/gone", "/nowhere")
	fsys := rootfs.New(node)
	info, err := fs.Lstat(fsys, "etc/pki/gone")
	if err != nil || info.Mode().Type() != fs.ModeSymlink || info.Name() != "gone" {
		t.Errorf("lstat: %v, %v, want the link gone", info, err)
	}
	text, err := fs.ReadLink(fsys, "etc/pki/gone")
	if err != nil || text != "/nowhere" {
		t.Errorf("readlink: %q, %v, want /nowhere as written", text, err)
	}
	if _, err := fs.Stat(fsys, "etc/pki/gone"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("stat of a dangling link: %v, want ErrNotExist", err)
	}
}

func TestRootOfTheMachine(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, "file", "text")
	link(t, dir, "link", filepath.Join(dir, "file"))
	name := strings.TrimPrefix(filepath.Join(dir, "link"), "/")
	text, err := fs.ReadFile(rootfs.New("/"), name)
	if err != nil || string(text) != "text" {
		t.Errorf("read %s below /: %q, %v, want text", name, text, err)
	}
}

// A pipe without a writer blocks whoever opens it, so a broken check hangs here.
func TestPipesAreSeenButNotOpened(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	link(t, dir, "link", "/pipe")
	fsys := rootfs.New(dir)
	for _, name := range []string{"pipe", "link"} {
		if file, err := fsys.Open(name); !errors.Is(err, rootfs.ErrNotRegular) {
			t.Errorf("open %s: %v, %v, want ErrNotRegular", name, file, err)
		}
		if info, err := fsys.Stat(name); err != nil || info.Mode().Type() != fs.ModeNamedPipe {
			t.Errorf("stat %s: %v, %v, want a pipe", name, info, err)
		}
	}
}

// While a directory of the node turns into a link that leads out and back, no
// read may ever see the file outside.
func TestRacingLinkNeverEscapes(t *testing.T) {
	node := linkedTree(t)
	write(t, node, "swap/secret", "inside")
	link(t, node, "out", filepath.Dir(node))
	fsys := rootfs.New(node)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		in := func(name string) string { return filepath.Join(node, name) }
		for {
			select {
			case <-stop:
				return
			default:
				os.Rename(in("swap"), in("spare"))
				os.Rename(in("out"), in("swap"))
				os.Rename(in("swap"), in("out"))
				os.Rename(in("spare"), in("swap"))
			}
		}
	}()
	for range 3000 {
		file, err := fsys.Open("swap/secret")
		if err != nil {
			continue
		}
		if text, err := io.ReadAll(file); err != nil || string(text) != "inside" {
			t.Errorf("read %q, %v through a racing link, want the file inside", text, err)
		}
		file.Close()
	}
	close(stop)
	<-stopped
}
