//go:build unix

package pkibundle_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/clustersnap/clustersnap/pkibundle"
)

func parentOf(t *testing.T) *os.Root {
	t.Helper()
	parent, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { parent.Close() })
	return parent
}

// mine makes all files those of whoever runs the test.
func mine(b *pkibundle.Bundle) *pkibundle.Bundle {
	for i := range b.Files {
		b.Files[i].Owner = pkibundle.Owner{UID: os.Getuid(), GID: os.Getgid()}
	}
	for i := range b.Directories {
		b.Directories[i].Owner = pkibundle.Owner{UID: os.Getuid(), GID: os.Getgid()}
	}
	return b
}

func nodeBundle() *pkibundle.Bundle {
	return mine(&pkibundle.Bundle{
		Files: []pkibundle.File{
			{Path: "etc/pki/ca.key", Role: "cluster-ca-key", Mode: 0o600, Data: []byte("key of the CA")},
			{Path: "etc/pki/ca.crt", Mode: 0o644, Data: []byte("certificate")},
			{Path: "etc/pki/readonly", Mode: 0o444},
			{Path: "var/current", Mode: 0o777, Link: "/etc/pki/ca.key"},
		},
		Directories: []pkibundle.Directory{{Path: "etc/pki", Mode: 0o500}, {Path: "etc", Mode: 0o755}, {Path: "var", Mode: 0o711}},
	})
}

// tree lists a directory: modes, names, links, contents.
func tree(t *testing.T, dir string) string {
	t.Helper()
	var lines []string
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		line := fmt.Sprint(info.Mode(), " ", name)
		switch {
		case info.Mode().Type() == fs.ModeSymlink:
			text, err := os.Readlink(filepath.Join(dir, name))
			if err != nil {
				return err
			}
			line += " -> " + text
		case info.Mode().IsRegular():
			data, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				return err
			}
			line += " " + string(data)
		}
		lines = append(lines, strings.TrimSpace(line))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(lines, "\n")
}

const extracted = `drwx------ .
drwxr-xr-x etc
dr-x------ etc/pki
-rw-r--r-- etc/pki/ca.crt certificate
-rw------- etc/pki/ca.key key of the CA
-r--r--r-- etc/pki/readonly
drwx--x--x var
Lrwxrwxrwx var/current -> /etc/pki/ca.key`

func TestExtract(t *testing.T) {
	old := syscall.Umask(0o077)
	defer syscall.Umask(old)
	parent := parentOf(t)
	if err := pkibundle.Extract(parent, "node", nodeBundle(), pkibundle.ExtractOptions{}); err != nil {
		t.Fatal(err)
	}
	if got := tree(t, filepath.Join(parent.Name(), "node")); got != extracted {
		t.Errorf("extracted\n%s\nwant\n%s", got, extracted)
	}
	before := tree(t, parent.Name())
	err := pkibundle.Extract(parent, "node", nodeBundle(), pkibundle.ExtractOptions{})
	if !errors.Is(err, fs.ErrExist) || tree(t, parent.Name()) != before {
		t.Errorf("a second time: %v\n%s", err, tree(t, parent.Name()))
	}
}

// Nothing is written, and nothing is left behind.
func TestExtractRefuses(t *testing.T) {
	foreign := nodeBundle()
	foreign.Files[0].Owner = pkibundle.Owner{UID: 1 << 31, GID: 7}
	outside := nodeBundle()
	outside.Files[0].Path = "../ca.key"
	tests := map[string]struct {
		dir  string
		b    *pkibundle.Bundle
		want string
	}{
		"a file":         {"file", nodeBundle(), "something is there already"},
		"a link":         {"link", nodeBundle(), "something is there already"},
		"a full one":     {"full", nodeBundle(), "something is there already"},
		"an empty one":   {"empty", nodeBundle(), "something is there already"},
		"the parent":     {".", nodeBundle(), "not the name of one directory"},
		"above":          {"..", nodeBundle(), "not the name of one directory"},
		"deeper":         {"full/x", nodeBundle(), "not the name of one directory"},
		"no name":        {"", nodeBundle(), "not the name of one directory"},
		"path above":     {"node", outside, "not a relative path"},
		"nothing":        {"node", &pkibundle.Bundle{}, "holds no files"},
		"stray director": {"node", &pkibundle.Bundle{Files: nodeBundle().Files, Directories: []pkibundle.Directory{{Path: "usr"}}}, "directories hold the files"},
	}
	if os.Getuid() != 0 {
		tests["owner"] = struct {
			dir  string
			b    *pkibundle.Bundle
			want string
		}{"node", foreign, "run as root, or have all files be yours"}
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			parent := parentOf(t)
			for _, err := range []error{
				parent.WriteFile("file", []byte("mine"), 0o600), parent.Symlink("gone", "link"), parent.Mkdir("full", 0o700), parent.Mkdir("empty", 0o700),
				parent.WriteFile("full/a", []byte("mine"), 0o600),
			} {
				if err != nil {
					t.Fatal(err)
				}
			}
			before := tree(t, parent.Name())
			err := pkibundle.Extract(parent, test.dir, test.b, pkibundle.ExtractOptions{})
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "key of") {
				t.Errorf("error %v, want %q", err, test.want)
			}
			if after := tree(t, parent.Name()); after != before {
				t.Errorf("the parent is\n%s\nand was\n%s", after, before)
			}
		})
	}
	if err := pkibundle.Extract(parentOf(t), "node", foreign, pkibundle.ExtractOptions{AsCaller: true}); err != nil {
		t.Errorf("with files of the caller: %v", err)
	}
}

// What a killed call has left goes, a running one is not disturbed, and no link in its place is followed.
func TestExtractAfterKill(t *testing.T) {
	parent := parentOf(t)
	const staged = ".node.extracting"
	if err := parent.MkdirAll(staged+"/etc/half", 0o700); err != nil {
		t.Fatal(err)
	}
	running, err := parent.Open(staged)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Flock(int(running.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	before := tree(t, parent.Name())
	err = pkibundle.Extract(parent, "node", nodeBundle(), pkibundle.ExtractOptions{})
	if err == nil || !strings.Contains(err.Error(), "another call extracts there") || tree(t, parent.Name()) != before {
		t.Errorf("beside a running call: %v\n%s", err, tree(t, parent.Name()))
	}
	running.Close()
	if err := pkibundle.Extract(parent, "node", nodeBundle(), pkibundle.ExtractOptions{}); err != nil {
		t.Fatal(err)
	}
	if got := tree(t, filepath.Join(parent.Name(), "node")); got != extracted {
		t.Errorf("extracted\n%s", got)
	}
	entries, err := os.ReadDir(parent.Name())
	if err != nil || len(entries) != 1 {
		t.Errorf("the parent holds %v, %v", entries, err)
	}

	trap := parentOf(t)
	for _, err := range []error{trap.Mkdir("victim", 0o700), trap.Symlink("victim", staged)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := pkibundle.Extract(trap, "node", nodeBundle(), pkibundle.ExtractOptions{}); err != nil {
		t.Fatal(err)
	}
	if got := tree(t, filepath.Join(trap.Name(), "victim")); got != "drwx------ ." {
		t.Errorf("the link was followed:\n%s", got)
	}
}

// Names decide, and numbers where a name is not known.
func TestExtractGivesOwners(t *testing.T) {
	if os.Getuid() != 0 {
		t.Log("as another user than root, only the refusal is looked at: see TestExtractRefuses")
		return
	}
	b := &pkibundle.Bundle{Files: []pkibundle.File{
		{Path: "known", Owner: pkibundle.Owner{UID: 1, GID: 2, User: "etcd", Group: "pki"}},
		{Path: "l", Mode: 0o777, Link: "known", Owner: pkibundle.Owner{UID: 1, GID: 2, User: "etcd", Group: "pki"}},
		{Path: "unknown", Owner: pkibundle.Owner{UID: 3, GID: 4, User: "gone", Group: "gone"}},
	}}
	parent := parentOf(t)
	names := fstest.MapFS{
		"etc/passwd": file("root:x:0:0::/root:/bin/sh\nbad line\netcd:x:4001:4001::/:/bin/false\netcd:x:9:9::/:\n"), "etc/group": file("pki:x:4002:\n"),
	}
	if err := pkibundle.Extract(parent, "node", b, pkibundle.ExtractOptions{Names: names}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"known": "4001:4002", "l": "4001:4002", "unknown": "3:4"} {
		info, err := parent.Lstat("node/" + name)
		if err != nil {
			t.Fatal(err)
		}
		st := info.Sys().(*syscall.Stat_t)
		if got := fmt.Sprintf("%d:%d", st.Uid, st.Gid); got != want {
			t.Errorf("%s belongs to %s, want %s", name, got, want)
		}
	}
	// And back: the names are those of the node that is read.
	node := filepath.Join(parent.Name(), "node")
	for name, data := range names {
		if err := os.MkdirAll(filepath.Join(node, "etc"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(node, name), data.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	again, err := pkibundle.Collect(os.DirFS(node), []string{"known", "unknown"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(again.Files[0].Owner, again.Files[1].Owner); got != "{4001 4002 etcd pki} {3 4  }" {
		t.Errorf("owners %s", got)
	}
}

func TestChanges(t *testing.T) {
	parent := parentOf(t)
	if err := pkibundle.Extract(parent, "node", nodeBundle(), pkibundle.ExtractOptions{}); err != nil {
		t.Fatal(err)
	}
	at := filepath.Join(parent.Name(), "node")
	changes := func() string {
		t.Helper()
		found, err := pkibundle.Changes(os.DirFS(at), nodeBundle())
		if err != nil {
			t.Fatal(err)
		}
		return strings.Trim(fmt.Sprint(found), "[]")
	}
	if got := changes(); got != "" {
		t.Errorf("right after the extraction: %s", got)
	}
	for _, err := range []error{
		os.Chmod(filepath.Join(at, "etc/pki"), 0o700),
		os.WriteFile(filepath.Join(at, "etc/pki/ca.key"), []byte("key of the CB"), 0o600),
		os.Chmod(filepath.Join(at, "etc/pki/ca.key"), 0o640),
		os.Remove(filepath.Join(at, "etc/pki/ca.crt")),
		os.Remove(filepath.Join(at, "etc/pki/readonly")),
		os.Mkdir(filepath.Join(at, "etc/pki/readonly"), 0o755),
		os.Remove(filepath.Join(at, "var/current")),
		os.Symlink("/etc/pki/ca.crt", filepath.Join(at, "var/current")),
		os.WriteFile(filepath.Join(at, "etc/extra"), nil, 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	before := tree(t, at)
	want := "create etc/pki/ca.crt (no role) replace etc/pki/ca.key (cluster-ca-key): other contents, mode " +
		"replace etc/pki/readonly (no role): other kind replace var/current (no role): other contents"
	if got := changes(); got != want {
		t.Errorf("changes\n%s\nwant\n%s", got, want)
	}
	if tree(t, at) != before {
		t.Error("looking has changed something")
	}
}
