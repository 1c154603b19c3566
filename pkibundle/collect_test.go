package pkibundle_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/clustersnap/clustersnap/pkibundle"
)

func file(data string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(data), Mode: 0o600} }

func collect(node fs.FS, paths []string) (*pkibundle.Bundle, error) {
	return pkibundle.Collect(node, paths, nil)
}

func link(text string) *fstest.MapFile {
	return &fstest.MapFile{Data: []byte(text), Mode: fs.ModeSymlink | 0o755}
}

// listing shows files as "path=contents" and links as "path->text".
func listing(b *pkibundle.Bundle) string {
	var lines []string
	for _, f := range b.Files {
		if f.Link != "" {
			lines = append(lines, f.Path+"->"+f.Link)
		} else {
			lines = append(lines, f.Path+"="+string(f.Data))
		}
	}
	return strings.Join(lines, " ")
}

func TestCollect(t *testing.T) {
	tests := map[string]struct {
		node  fstest.MapFS
		paths string
		want  string
	}{
		"files and directories": {
			fstest.MapFS{"etc/b/2": file("two"), "etc/b/1": file("one"), "etc/b/c/3": file(""), "etc/a": file("a"), "etc/not": file("not")},
			"etc/b etc/a", "etc/a=a etc/b/1=one etc/b/2=two etc/b/c/3=",
		},
		"paths that overlap": {
			fstest.MapFS{"etc/b/1": file("one")},
			"etc/b/1 etc etc/b etc/b/1", "etc/b/1=one",
		},
		"whole root": {fstest.MapFS{"etc/b/1": file("one")}, ".", "etc/b/1=one"},
		"scratch of kubeadm is left out, dot files are not": {
			fstest.MapFS{
				"etc/kubernetes/tmp/kubeadm-backup-etcd-1/db": file("db"), "etc/kubernetes/manifests/.keep": file("k"),
				"etc/kubernetes/pki/tmp/x": file("x"), "etc/kubernetes/tmpl": file("t"),
			},
			"etc/kubernetes", "etc/kubernetes/manifests/.keep=k etc/kubernetes/pki/tmp/x=x etc/kubernetes/tmpl=t",
		},
		"current certificate of the kubelet": {
			fstest.MapFS{
				"var/lib/kubelet/pki/kubelet-client-current.pem": link("/var/lib/kubelet/pki/kubelet-client-2026.pem"),
				"var/lib/kubelet/pki/kubelet-client-2026.pem":    file("new"), "var/lib/kubelet/pki/kubelet-client-2025.pem": file("old"),
			},
			"var/lib/kubelet/pki/kubelet-client-current.pem",
			"var/lib/kubelet/pki/kubelet-client-2026.pem=new var/lib/kubelet/pki/kubelet-client-current.pem->/var/lib/kubelet/pki/kubelet-client-2026.pem",
		},
		"pki is a link, as kubespray makes it": {
			fstest.MapFS{"etc/kubernetes/pki": link("/etc/kubernetes/ssl"), "etc/kubernetes/ssl/ca.crt": file("ca")},
			"etc/kubernetes/pki", "etc/kubernetes/pki->/etc/kubernetes/ssl etc/kubernetes/ssl/ca.crt=ca",
		},
		"link on the way to a file": {
			fstest.MapFS{"etc/kubernetes": link("../data/k8s"), "data/k8s/ca.crt": file("ca"), "data/k8s/ca.key": file("key")},
			"etc/kubernetes/ca.crt", "data/k8s/ca.crt=ca etc/kubernetes->../data/k8s",
		},
		"dots count from where a linked directory is": {
			fstest.MapFS{"etc/pki": link("/data/pki"), "data/pki/l": link("../x"), "data/x": file("right"), "etc/x": file("wrong")},
			"etc/pki/l", "data/pki/l->../x data/x=right etc/pki->/data/pki",
		},
		"links to links out of what was named": {
			fstest.MapFS{"a/1": link("../b/2"), "b/2": link("/c"), "c": file("c")},
			"a", "a/1->../b/2 b/2->/c c=c",
		},
		"link to its own directory": {
			fstest.MapFS{"a/self": link("."), "a/up": link("/a"), "a/f": file("f")},
			"a", "a/f=f a/self->. a/up->/a",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			b, err := collect(test.node, strings.Fields(test.paths))
			if err != nil {
				t.Fatal(err)
			}
			if got := listing(b); got != test.want {
				t.Errorf("collected\n%s\nnot\n%s", got, test.want)
			}
			var dst bytes.Buffer
			if _, err := sealTo(&dst, b, newIdentity(t).Recipient()); err != nil {
				t.Errorf("what Collect gives, Seal refuses: %v", err)
			}
		})
	}
}

func TestCollectKeepsModes(t *testing.T) {
	b, err := collect(fstest.MapFS{
		"a": {Mode: 0o640 | fs.ModeSetuid}, "b": {Mode: 0o444}, "c": link("a"),
	}, []string{"."})
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(b.Files[0].Mode, b.Files[1].Mode, b.Files[2].Mode); got != "-rw-r----- -r--r--r-- -rwxrwxrwx" {
		t.Errorf("modes %s", got)
	}
}

func TestCollectRefuses(t *testing.T) {
	ring := fstest.MapFS{"a/1": link("2"), "a/2": link("1")}
	tests := map[string]struct {
		node  fs.FS
		paths string
		want  string
		is    error
	}{
		"missing file":         {fstest.MapFS{"etc/a": file("a")}, "etc/b", "collect etc/b: ", fs.ErrNotExist},
		"missing says how":     {fstest.MapFS{"etc/a": file("a")}, "etc/b", ": name only what the node has", nil},
		"file as directory":    {fstest.MapFS{"etc/a": file("a")}, "etc/a/b", "collect etc/a/b: ", fs.ErrNotExist},
		"leading slash":        {fstest.MapFS{"etc/a": file("a")}, "/etc/a", "collect /etc/a: not a path as io/fs has them", nil},
		"path above root":      {fstest.MapFS{"etc/a": file("a")}, "../etc/a", "collect ../etc/a: not a path as io/fs has them", nil},
		"no paths":             {fstest.MapFS{"etc/a": file("a")}, "", "bundle holds no files", nil},
		"empty directory":      {fstest.MapFS{"etc": {Mode: fs.ModeDir | 0o755}}, "etc", "bundle holds no files", nil},
		"unreadable file":      {deniedFS{fstest.MapFS{"etc/a": file("a")}, "open", "etc/a"}, "etc", "collect etc/a: open etc/a: permission denied: run as root", fs.ErrPermission},
		"unreadable directory": {deniedFS{fstest.MapFS{"etc/a/b": file("b")}, "readdir", "etc/a"}, "etc", "collect etc/a: readdir etc/a: permission denied: run as root", fs.ErrPermission},
		"unreadable parent":    {deniedFS{fstest.MapFS{"etc/a/b": file("b")}, "lstat", "etc/a/b"}, "etc/a/b", "collect etc/a/b: lstat etc/a/b: permission denied: run as root", fs.ErrPermission},
		"device":               {fstest.MapFS{"etc/d": {Mode: fs.ModeDevice | 0o600}}, "etc", "collect etc/d: Drw------- is neither file, directory nor link", nil},
		"socket by name":       {fstest.MapFS{"etc/s": {Mode: fs.ModeSocket | 0o600}}, "etc/s", "collect etc/s: Srw------- is neither", nil},
		"dangling link":        {fstest.MapFS{"etc/l": link("gone")}, "etc", "collect etc/l: lstat etc/gone: ", fs.ErrNotExist},
		"link above root":      {fstest.MapFS{"etc/l": link("../../a"), "a": file("a")}, "etc", "collect etc/l: link climbs above the root", nil},
		"link to device":       {fstest.MapFS{"etc/l": link("/dev/null"), "dev/null": {Mode: fs.ModeDevice}}, "etc", "collect dev/null: ", nil},
		"link to nothing":      {fstest.MapFS{"etc/l": link("")}, "etc", "etc/l is a link without a target", nil},
		"links in a ring":      {ring, "a", "collect a/1: too many links", nil},
		"names by case only":   {fstest.MapFS{"etc/A": file("a"), "etc/a": file("a")}, "etc", "differ in case only", nil},
		"root without links":   {struct{ fs.FS }{fstest.MapFS{"etc/a": file("a")}}, "etc", "cannot tell links from files", nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			b, err := collect(test.node, strings.Fields(test.paths))
			if b != nil || err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%v, error %v, want one sentence with %q", b, err, test.want)
			}
			if test.is != nil && !errors.Is(err, test.is) {
				t.Errorf("error %v is not %v", err, test.is)
			}
		})
	}
}

func TestCollectNamesEveryFailure(t *testing.T) {
	node := deniedFS{fstest.MapFS{
		"etc/fifo": {Mode: fs.ModeNamedPipe}, "etc/key": file("k"), "etc/l": link("gone"), "etc/ok": file("o"),
	}, "open", "etc/key"}
	_, err := collect(node, []string{"missing", "etc", "etc"})
	if err == nil {
		t.Fatal("no error")
	}
	lines := strings.Split(err.Error(), "\n")
	for i, want := range []string{"collect missing: ", "collect etc/fifo: ", "collect etc/key: ", "collect etc/l: "} {
		if len(lines) != 4 || !strings.HasPrefix(lines[i], want) {
			t.Errorf("line %d of %q does not start with %q", i, lines, want)
		}
	}
}

// deniedFS refuses one call. Tests may run as root, whom no file mode stops.
type deniedFS struct {
	fstest.MapFS
	op, path string
}

func (d deniedFS) check(op, path string) error {
	if op == d.op && path == d.path {
		return &fs.PathError{Op: op, Path: path, Err: fs.ErrPermission}
	}
	return nil
}

func (d deniedFS) Open(name string) (fs.File, error) {
	if err := d.check("open", name); err != nil {
		return nil, err
	}
	return d.MapFS.Open(name)
}

func (d deniedFS) ReadDir(name string) ([]fs.DirEntry, error) {
	if err := d.check("readdir", name); err != nil {
		return nil, err
	}
	return d.MapFS.ReadDir(name)
}

func (d deniedFS) Lstat(name string) (fs.FileInfo, error) {
	if err := d.check("lstat", name); err != nil {
		return nil, err
	}
	return d.MapFS.Lstat(name)
}

func TestCollectLimits(t *testing.T) {
	many := fstest.MapFS{}
	for i := range 20 {
		many[fmt.Sprintf("etc/%02d", i)] = &fstest.MapFile{Data: make([]byte, 1<<20)}
	}
	lots := fstest.MapFS{}
	for i := range 4099 {
		lots[fmt.Sprintf("etc/%04d", i)] = &fstest.MapFile{}
	}
	many["l"], lots["l"] = link("etc/00"), link("etc/0000")
	tests := map[string]struct {
		node fstest.MapFS
		want pkibundle.TooLargeError
	}{
		"file":   {fstest.MapFS{"etc/a": {Data: make([]byte, 1<<20+1)}, "l": file("l")}, pkibundle.TooLargeError{Path: "etc/a", What: "file size", Size: 1<<20 + 1, Limit: 1 << 20}},
		"bundle": {many, pkibundle.TooLargeError{Path: "etc/16", What: "bundle size", Size: 17 << 20, Limit: 16 << 20}},
		"count":  {lots, pkibundle.TooLargeError{Path: "etc/4096", What: "file count", Size: 4097, Limit: 4096}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			b, err := collect(test.node, []string{"etc", "l"})
			var tooLarge *pkibundle.TooLargeError
			if b != nil || !errors.As(err, &tooLarge) || *tooLarge != test.want {
				t.Errorf("%v, error %v, want %v", b, err, &test.want)
			}
			if err != nil && strings.Contains(err.Error(), "\n") {
				t.Errorf("reading went on after the limit: %v", err)
			}
		})
	}
}

func TestCollectNamesEveryLargeFile(t *testing.T) {
	large := &fstest.MapFile{Data: make([]byte, 1<<20+1)}
	_, err := collect(fstest.MapFS{"etc/a": large, "etc/b": large}, []string{"etc"})
	if err == nil || !strings.Contains(err.Error(), "etc/a: file size") || !strings.Contains(err.Error(), "etc/b: file size") {
		t.Errorf("error %v", err)
	}
}

func TestCollectCountsLinkOnce(t *testing.T) {
	node := fstest.MapFS{"pki": link("ssl")}
	var paths []string
	for i := range 2100 {
		node[fmt.Sprintf("ssl/%d", i)] = file("")
		paths = append(paths, fmt.Sprintf("pki/%d", i))
	}
	b, err := collect(node, paths)
	if err != nil || len(b.Files) != 2101 {
		t.Errorf("%v, %v", b, err)
	}
}

// movingFS gives a file that is other than it was when it is looked at again.
type movingFS struct {
	fstest.MapFS
	now fstest.MapFile
}

type movingFile struct {
	fs.File
	now   fstest.MapFile
	stats int
}

func (m movingFS) Open(name string) (fs.File, error) {
	f, err := m.MapFS.Open(name)
	return &movingFile{File: f, now: m.now}, err
}

func (f *movingFile) Stat() (fs.FileInfo, error) {
	if f.stats++; f.stats == 1 {
		return f.File.Stat()
	}
	return fstest.MapFS{"f": &f.now}.Stat("f")
}

func TestCollectSeesFileChange(t *testing.T) {
	start := time.Unix(1000, 0)
	for name, now := range map[string]fstest.MapFile{
		"longer":  {Data: []byte("key, new"), ModTime: start},
		"shorter": {Data: []byte("k"), ModTime: start},
		"later":   {Data: []byte("KEY"), ModTime: start.Add(1)},
	} {
		node := movingFS{fstest.MapFS{"etc/key": {Data: []byte("key"), ModTime: start}}, now}
		_, err := collect(node, []string{"etc/key"})
		if err == nil || err.Error() != "collect etc/key: changed while it was read: collect again" {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// sizeLie says another size than it has bytes, as files of /proc do.
type sizeLie struct {
	fstest.MapFS
	size string
}

type lyingFile struct {
	fs.File
	size string
}

func (l sizeLie) Open(name string) (fs.File, error) {
	f, err := l.MapFS.Open(name)
	return lyingFile{f, l.size}, err
}

func (f lyingFile) Stat() (fs.FileInfo, error) {
	return fstest.MapFS{"f": {Data: []byte(f.size)}}.Stat("f")
}

// hugeInfo says a size that no memory holds.
type hugeInfo struct{ fs.FileInfo }

func (hugeInfo) Size() int64 { return 1 << 50 }

type hugeFile struct{ fs.File }

func (f hugeFile) Stat() (fs.FileInfo, error) {
	info, err := f.File.Stat()
	return hugeInfo{info}, err
}

type hugeFS struct{ fstest.MapFS }

func (h hugeFS) Open(name string) (fs.File, error) {
	f, err := h.MapFS.Open(name)
	return hugeFile{f}, err
}

func TestCollectDoesNotAllocateForSize(t *testing.T) {
	_, err := collect(hugeFS{fstest.MapFS{"etc/db": file("d")}}, []string{"etc/db"})
	var tooLarge *pkibundle.TooLargeError
	if !errors.As(err, &tooLarge) || tooLarge.Size != 1<<50 {
		t.Errorf("error %v", err)
	}
}

func TestCollectBelievesBytesNotSizes(t *testing.T) {
	for _, size := range []string{"", "1", "12345"} {
		_, err := collect(sizeLie{fstest.MapFS{"etc/key": file("key")}, size}, []string{"etc"})
		if err == nil || !strings.Contains(err.Error(), "changed while it was read") {
			t.Errorf("size %d for 3 bytes: error %v", len(size), err)
		}
	}
}
