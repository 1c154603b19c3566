package pkibundle

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"syscall"
)

// Change is what a restore of one file would do to a node.
type Change struct {
	Path string `json:"path"`
	Role string `json:"role,omitempty"`
	// Create says that the node has nothing there. Otherwise Differs says in what the node's differs from the bundle's:
	// "kind" (a link, a directory), "contents", "mode", "owner".
	Create  bool     `json:"create,omitempty"`
	Differs []string `json:"differs,omitempty"`
}

// String says it in words.
func (c Change) String() string {
	role := c.Role
	if role == "" {
		role = "no role"
	}
	if c.Create {
		return fmt.Sprintf("create %s (%s)", c.Path, role)
	}
	return fmt.Sprintf("replace %s (%s): other %s", c.Path, role, strings.Join(c.Differs, ", "))
}

// Changes holds the files of the bundle against those of a node, and lists those that a restore would create or replace,
// sorted by path. It writes nothing. Root must tell links, as for [Collect]. What the node has and
// the bundle lacks is not listed: a restore leaves it.
func Changes(root fs.FS, b *Bundle) ([]Change, error) {
	node, ok := root.(fs.ReadLinkFS)
	if !ok {
		return nil, fmt.Errorf("compare with node: %T cannot tell links from files: use os.DirFS or another fs.ReadLinkFS", root)
	}
	whole, err := b.whole()
	if err != nil {
		return nil, fmt.Errorf("compare with node: %w", err)
	}
	owners, err := newOwners(ExtractOptions{Names: root})
	if err != nil {
		return nil, fmt.Errorf("compare with node: %w", err)
	}
	var found []Change
	for _, f := range whole.Files {
		differs, err := differences(node, f, owners)
		switch {
		case errors.Is(err, syscall.ENOTDIR): // a file where the bundle has a directory
			found = append(found, Change{Path: f.Path, Role: f.Role, Differs: []string{"kind"}})
		case errors.Is(err, fs.ErrNotExist):
			found = append(found, Change{Path: f.Path, Role: f.Role, Create: true})
		case err != nil:
			return nil, fmt.Errorf("compare %s with the node's: %w", f.Path, err)
		case len(differs) > 0:
			found = append(found, Change{Path: f.Path, Role: f.Role, Differs: differs})
		}
	}
	return found, nil
}

// differences says in what the node's file differs.
func differences(node fs.ReadLinkFS, f File, owners *owners) ([]string, error) {
	info, err := node.Lstat(f.Path)
	if err != nil {
		return nil, err
	}
	isLink, isFile := info.Mode().Type() == fs.ModeSymlink, info.Mode().IsRegular()
	if f.Link != "" && !isLink || f.Link == "" && !isFile {
		return []string{"kind"}, nil
	}
	var found []string
	if isLink {
		text, err := node.ReadLink(f.Path)
		if err != nil {
			return nil, err
		}
		if text != f.Link {
			found = append(found, "contents")
		}
	} else {
		same, err := sameContents(node, f)
		if err != nil {
			return nil, err
		}
		if !same {
			found = append(found, "contents")
		}
		if info.Mode().Perm() != f.Mode {
			found = append(found, "mode")
		}
	}
	if is := owner(info); [2]int{is.UID, is.GID} != owners.of(f.Owner) {
		found = append(found, "owner")
	}
	return found, nil
}

func sameContents(node fs.FS, f File) (bool, error) {
	file, err := node.Open(f.Path)
	if err != nil {
		return false, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, int64(len(f.Data))+1))
	defer clear(data)
	return bytes.Equal(data, f.Data), err
}
