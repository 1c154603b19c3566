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
	// Directories are those that hold the files, sorted by path.
	Directories []Directory
	// Omitted are the files that something on the node names, and that are not among Files, sorted by path.
	Omitted []Omission
}

// File is a file or a symbolic link of a node. It prints, logs and marshals
// without its contents.
type File struct {
	Path  string      // relative to the root of the node, as in io/fs
	Role  string      // what it is for, see the package comment
	Mode  fs.FileMode // permission bits only; 0777 for a link
	Owner Owner
	Link  string // the text of a symbolic link; empty for a file
	Data  []byte // the contents of a file; nil for a link
}

// Directory is one of a node.
type Directory struct {
	Path  string      `json:"path"` // as of a File
	Mode  fs.FileMode `json:"mode"` // permission bits, in JSON a decimal number
	Owner Owner       `json:"owner"`
}

// Owner is who owns a file: numbers, 0 (root) if the collected file system told none, and names, empty if the
// node's etc/passwd and etc/group have none for the numbers. In kubeadm's rootless mode the numbers differ from node to node.
type Owner struct {
	UID   int    `json:"uid"`
	GID   int    `json:"gid"`
	User  string `json:"user,omitempty"`
	Group string `json:"group,omitempty"`
}

// Omission is a file that something on the node names, and that the bundle lacks.
type Omission struct {
	Path string `json:"path"` // as the file or flag that names it has it, on the node where that is known
	From string `json:"from"` // what names it, such as "kube-apiserver --audit-policy-file"
	Why  string `json:"why"`
	// Harmless says that a restore does not need it: the distribution brings it, as it does the public CAs.
	Harmless bool `json:"harmless,omitempty"`
}

// With returns the files of a role, in the order of the bundle.
func (b *Bundle) With(role string) []File {
	var found []File
	for _, f := range b.Files {
		if f.Role == role {
			found = append(found, f)
		}
	}
	return found
}

// Clear overwrites the contents of all files with zeros and empties the bundle.
func (b *Bundle) Clear() {
	for _, f := range b.Files {
		clear(f.Data)
	}
	*b = Bundle{}
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

func (o Omission) key() string { return o.Path + "\x00" + o.From }

func byKey(a, b Omission) int { return strings.Compare(a.key(), b.key()) }

func byPath(a, b File) int { return strings.Compare(a.Path, b.Path) }
