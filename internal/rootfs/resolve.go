package rootfs

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
)

const (
	// maxLinks is MAXSYMLINKS of Linux (include/linux/namei.h), whose nodes
	// these trees come from; os.Root alone gives up after 8.
	maxLinks = 40
	// maxSteps bounds the work that a hostile tree can ask for with long link
	// targets. Real paths have a few dozen elements.
	maxSteps = 1024
)

// resolve returns the path, free of links and relative to root, that name leads
// to. It walks as path_resolution(7) says with root as "/": an absolute link
// starts again at root, ".." of root is root.
func resolve(root *os.Root, name string) (string, error) {
	here, ahead := "/", strings.Split(name, "/")
	links := 0
	for range maxSteps {
		next, rest := path.Join(here, ahead[0]), ahead[1:]
		info, err := root.Lstat(relative(next))
		if err != nil {
			return "", err
		}
		if info.Mode()&fs.ModeSymlink != 0 {
			if links++; links > maxLinks {
				return "", syscall.ELOOP
			}
			target, err := root.Readlink(relative(next))
			if err != nil {
				return "", err
			}
			target = filepath.ToSlash(target)
			if path.IsAbs(target) {
				here = "/"
			}
			ahead = append(strings.Split(target, "/"), rest...)
			continue
		}
		if len(rest) == 0 {
			return relative(next), nil
		}
		if !info.IsDir() {
			return "", syscall.ENOTDIR
		}
		here, ahead = next, rest
	}
	return "", syscall.ENAMETOOLONG
}

// resolveParent resolves all of name but its last element.
func resolveParent(root *os.Root, name string) (string, error) {
	parent, err := resolve(root, path.Dir(name))
	if err != nil {
		return "", err
	}
	return path.Join(parent, path.Base(name)), nil
}

// relative turns a path that is absolute in the tree into one for os.Root.
func relative(p string) string {
	if p == "/" {
		return "."
	}
	return p[1:]
}
