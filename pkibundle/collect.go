package pkibundle

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
)

const modeLink = fs.FileMode(0o777)

// Program is one that runs on the node, and what it is told to read.
type Program struct {
	Name  string // of its command, such as "kube-apiserver"
	Files []Reference
	// Mounts are what of the node it sees, through which paths in the files of Files lead. A process of the node itself
	// has one, of "/" to "/".
	Mounts []Mount
}

// Reference is a file that a flag names.
type Reference struct {
	Flag string // such as "--encryption-provider-config"
	Path string // on the node
}

// Mount is a path in a container, and what of the node is there. Both are absolute; OnNode is empty if nothing of the node is.
type Mount struct{ Path, OnNode string }

// Collect reads files and directories of a node. Root is the node's file system,
// which must tell links ([fs.ReadLinkFS]), as that of [os.DirFS] does. Paths are
// in the form of io/fs ("etc/kubernetes/pki"). Directories are read with all that
// they hold. Collect never asks root to follow a link, but os.DirFS follows one that appears between
// two calls; a root that stays inside its tree is safe from that.
//
// The files that programs name are collected too, and those that these name in turn: the client
// certificate of a kubeconfig, the kubeconfig of an admission plugin, and so on, as deep as it goes. Known are kubeconfigs and
// the configuration files of kube-apiserver, kube-scheduler and the kubelet (k8s.io/apiserver/pkg/apis/apiserver,
// k8s.io/kube-scheduler/config, k8s.io/kubelet/config).
//
// A symbolic link, met in a directory or on the way to a path, is kept as a link,
// and what it leads to is collected too, under its own path. So a restored
// tree reads as the old one did, and the kubelet, which refuses to renew a
// kubelet-client-current.pem that is no link (client-go,
// util/certificate/certificate_store.go), can go on.
//
// Nothing is skipped in silence. What is missing, unreadable, changed while it was
// read, or neither file, directory nor link makes Collect fail with one error for
// each such path (see [errors.Join]); so does a limit, as a [*TooLargeError]. What a flag or another file names,
// and the node does not have, is in [Bundle.Omitted]; so are etcd's data, the distribution's public CAs and
// etc/kubernetes/tmp.
func Collect(root fs.FS, paths []string, programs []Program) (*Bundle, error) {
	node, ok := root.(fs.ReadLinkFS)
	if !ok {
		return nil, fmt.Errorf("collect: %T cannot tell links from files: use os.DirFS or another fs.ReadLinkFS", root)
	}
	c := &collector{node: node, programs: programs, files: map[string]File{}, walked: map[string]bool{}, omitted: map[string]Omission{}}
	for _, name := range paths {
		if !fs.ValidPath(name) {
			c.fail(name, errors.New("not a path as io/fs has them: write it without leading slash, \".\" and \"..\""))
			continue
		}
		if !c.isNamed(name) { // else its turn comes, and it may be missing
			c.take(name)
		}
	}
	c.close()
	c.dropLinks()
	b := &Bundle{
		Files:   slices.SortedFunc(maps.Values(c.files), byPath),
		Omitted: slices.SortedFunc(maps.Values(c.omitted), byKey),
	}
	if len(c.errs) == 0 {
		c.finish(b)
	}
	if len(c.errs) > 0 {
		b.Clear()
		return nil, errors.Join(c.errs...)
	}
	return b, nil
}

// finish adds what is said of files beside their contents.
func (c *collector) finish(b *Bundle) {
	assignRoles(b, c.programs)
	err := c.directories(b)
	if err == nil {
		err = c.nameOwners(b)
	}
	if err == nil {
		err = b.check()
	}
	if err != nil {
		c.errs = append(c.errs, fmt.Errorf("collect: %w", err))
	}
}

// collector holds what was read so far. Its files are under paths that pass
// through no link, so that ".." means in a restored tree what it means on the node.
type collector struct {
	node     fs.ReadLinkFS
	programs []Program
	files    map[string]File
	walked   map[string]bool
	omitted  map[string]Omission
	tally    tally
	full     bool // a limit of the whole bundle is reached: read no more
	errs     []error
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
	return text, c.add(File{Path: at, Mode: modeLink, Owner: owner(info), Link: text})
}

// visit collects what is at a path, unless its place says that it is left out.
func (c *collector) visit(at string) {
	if why := leftOut(at); why != "" {
		c.omit(Omission{Path: at, From: "its place", Why: why, Harmless: true})
		return
	}
	c.hold(at)
}

// hold collects what is at a path.
func (c *collector) hold(at string) {
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
	if _, err := c.node.Lstat(path.Join(dir, "member/snap/db")); err == nil {
		c.omit(Omission{Path: dir, From: "its place", Why: "it is the data of etcd, which a snapshot holds", Harmless: true})
		return nil
	}
	entries, err := fs.ReadDir(c.node, dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		c.visit(path.Join(dir, e.Name()))
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
	return c.add(File{Path: at, Mode: before.Mode().Perm(), Owner: owner(before), Data: data[:n:n]})
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

func (c *collector) omit(o Omission) { c.omitted[o.key()] = o }

func (c *collector) fail(at string, err error) {
	switch {
	case errors.Is(err, fs.ErrPermission):
		err = fmt.Errorf("%w: run as root", err)
	case errors.Is(err, fs.ErrNotExist):
		err = fmt.Errorf("%w: name only what the node has", err)
	}
	var tooLarge *TooLargeError // says itself of which file
	if err = fmt.Errorf("collect %s: %w", at, err); errors.As(err, &tooLarge) {
		err = fmt.Errorf("collect %w", tooLarge)
	}
	if !slices.ContainsFunc(c.errs, func(other error) bool { return other.Error() == err.Error() }) {
		c.errs = append(c.errs, err)
	}
}
