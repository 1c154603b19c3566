package pkibundle

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
)

// kubeadm copies the whole etcd data directory here when it upgrades (Kubernetes,
// cmd/kubeadm/app/phases/upgrade/staticpods.go), so it is never collected.
const scratchDir = "etc/kubernetes/tmp"

const modeLink = fs.FileMode(0o777)

var errScratch = errors.New("kubeadm's own scratch copies are never collected: leave the path out")

// Collect reads files and directories of a node. Root is the node's file system,
// which must tell links ([fs.ReadLinkFS]), as that of [os.DirFS] does. Paths are
// in the form of io/fs ("etc/kubernetes/pki"). Directories are read with all that
// they hold, except for etc/kubernetes/tmp; only their files are kept. Collect
// never asks root to follow a link, but os.DirFS follows one that appears between
// two calls; a root that stays inside its tree is safe from that.
//
// A symbolic link, met in a directory or on the way to a path, is kept as a link,
// and what it leads to is collected too, under its own path. So a restored
// tree reads as the old one did, and the kubelet, which refuses to renew a
// kubelet-client-current.pem that is no link (client-go,
// util/certificate/certificate_store.go), can go on.
//
// Nothing is skipped in silence. What is missing, unreadable, changed while it was
// read, or neither file, directory nor link makes Collect fail with one error for
// each such path (see [errors.Join]); so does a limit, as a [*TooLargeError].
func Collect(root fs.FS, paths []string) (*Bundle, error) {
	node, ok := root.(fs.ReadLinkFS)
	if !ok {
		return nil, fmt.Errorf("collect: %T cannot tell links from files: use os.DirFS or another fs.ReadLinkFS", root)
	}
	c := &collector{node: node, files: map[string]File{}, walked: map[string]bool{}}
	for _, name := range paths {
		if !fs.ValidPath(name) {
			c.fail(name, errors.New("not a path as io/fs has them: write it without leading slash, \".\" and \"..\""))
			continue
		}
		c.take(name)
	}
	b := &Bundle{Files: slices.SortedFunc(maps.Values(c.files), byPath)}
	if len(c.errs) == 0 {
		if err := b.check(); err != nil {
			c.errs = append(c.errs, fmt.Errorf("collect: %w", err))
		}
	}
	if len(c.errs) > 0 {
		b.Clear()
		return nil, errors.Join(c.errs...)
	}
	return b, nil
}

// collector holds what was read so far. Its files are under paths that pass
// through no link, so that ".." means in a restored tree what it means on the node.
type collector struct {
	node   fs.ReadLinkFS
	files  map[string]File
	walked map[string]bool
	tally  tally
	full   bool // a limit of the whole bundle is reached: read no more
	errs   []error
}

// take collects what name leads to, and the links on the way.
func (c *collector) take(name string) {
	if c.full {
		return
	}
	at, err := follow(name, c.link)
	if err != nil {
		c.fail(name, err)
		return
	}
	if at == scratchDir || strings.HasPrefix(at, scratchDir+"/") {
		c.fail(name, errScratch)
		return
	}
	c.visit(at)
}

// link keeps the link at a path, if there is one, and gives its text.
func (c *collector) link(at string) (string, error) {
	info, err := c.node.Lstat(at)
	if err != nil || info.Mode().Type() != fs.ModeSymlink {
		return "", err
	}
	text, err := c.node.ReadLink(at)
	if err != nil {
		return "", err
	}
	if text == "" {
		return "", fmt.Errorf("%s is a link without a target", at)
	}
	uid, gid := owner(info)
	return text, c.add(File{Path: at, Mode: modeLink, UID: uid, GID: gid, Link: text})
}

func (c *collector) visit(at string) {
	if _, have := c.files[at]; have || c.walked[at] || c.full {
		return
	}
	info, err := c.node.Lstat(at)
	if err != nil {
		c.fail(at, err)
		return
	}
	switch info.Mode().Type() {
	case 0:
		err = c.read(at)
	case fs.ModeDir:
		err = c.walk(at)
	case fs.ModeSymlink:
		c.take(at)
	default:
		err = fmt.Errorf("%s is neither file, directory nor link: name the files around it", info.Mode())
	}
	if err != nil {
		c.fail(at, err)
	}
}

func (c *collector) walk(dir string) error {
	c.walked[dir] = true
	entries, err := fs.ReadDir(c.node, dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if at := path.Join(dir, e.Name()); at != scratchDir {
			c.visit(at)
		}
	}
	return nil
}

// read keeps one file. Renewals write keys in place, so a file that changes
// meanwhile would be half old and half new.
func (c *collector) read(at string) error {
	f, err := c.node.Open(at)
	if err != nil {
		return err
	}
	defer f.Close()
	before, err := f.Stat()
	if err != nil {
		return err
	}
	if err := checkFileSize(at, before.Size()); err != nil {
		return err
	}
	data := make([]byte, before.Size()+1) // one more, to see it grow
	n, err := io.ReadFull(f, data)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return err
	}
	after, err := f.Stat()
	if err != nil {
		return err
	}
	if int64(n) != before.Size() || after.Size() != before.Size() || !after.ModTime().Equal(before.ModTime()) {
		return errors.New("changed while it was read: collect again")
	}
	uid, gid := owner(before)
	return c.add(File{Path: at, Mode: before.Mode().Perm(), UID: uid, GID: gid, Data: data[:n:n]})
}

func (c *collector) add(f File) error {
	if _, have := c.files[f.Path]; have {
		return nil
	}
	if err := c.tally.add(f.Path, int64(len(f.Data))); err != nil {
		c.full = true
		return err
	}
	c.files[f.Path] = f
	return nil
}

func (c *collector) fail(at string, err error) {
	switch {
	case errors.Is(err, fs.ErrPermission):
		err = fmt.Errorf("%w: run as root", err)
	case errors.Is(err, fs.ErrNotExist):
		err = fmt.Errorf("%w: name only what the node has", err)
	}
	c.errs = append(c.errs, fmt.Errorf("collect %s: %w", at, err))
}
