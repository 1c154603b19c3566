package pkibundle

import (
	"fmt"
	"io/fs"
	"strings"
)

// Bundle holds files of one node, sorted by path. It prints, logs and marshals
// without their contents.
//
// A struct that has one in an unexported field needs a Format of its own: there
// package fmt calls no methods, and some verbs print what a pointer leads to.
type Bundle struct {
	Files []File
}

// File is a file or a symbolic link of a node. It prints, logs and marshals
// without its contents.
type File struct {
	Path string      // relative to the root of the node, as in io/fs
	Mode fs.FileMode // permission bits only; 0777 for a link
	UID  int         // owner, 0 (root) if the collected file system told none
	GID  int         // group, 0 (root) if the collected file system told none
	Link string      // the text of a symbolic link; empty for a file
	Data []byte      // the contents of a file; nil for a link
}

// Clear overwrites the contents of all files with zeros and empties the bundle.
func (b *Bundle) Clear() {
	for _, f := range b.Files {
		clear(f.Data)
	}
	b.Files = nil
}

// String says how much the bundle holds, and none of it.
func (b Bundle) String() string {
	size := 0
	for _, f := range b.Files {
		size += len(f.Data)
	}
	return fmt.Sprintf("bundle of %d files, %d bytes [redacted]", len(b.Files), size)
}

// Format writes String for every verb: %#v and %x would show keys otherwise.
func (b Bundle) Format(s fmt.State, _ rune) { fmt.Fprint(s, b.String()) }

// String gives path, mode and size of the file, or path and text of the link.
func (f File) String() string {
	if f.Link != "" {
		return fmt.Sprintf("%s -> %s", f.Path, f.Link)
	}
	return fmt.Sprintf("%s %s %d bytes [redacted]", f.Mode, f.Path, len(f.Data))
}

// Format writes String for every verb: %#v and %x would show keys otherwise.
func (f File) Format(s fmt.State, _ rune) { fmt.Fprint(s, f.String()) }

// MarshalText keeps contents out of JSON, slog and whatever else marshals.
func (f File) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

func byPath(a, b File) int { return strings.Compare(a.Path, b.Path) }
