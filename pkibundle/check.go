package pkibundle

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// maxPath is the longest path and link text that Linux takes (PATH_MAX).
	maxPath = 4096
	// maxDepth bounds the work that directories make. The deepest path of kubeadm has five parts.
	maxDepth = 64
)

// check holds the files, which must be sorted, against the rules of the format.
// Seal and Open both call it, so what one writes the other accepts.
func (b *Bundle) check() error {
	if len(b.Files) == 0 {
		return errors.New("bundle holds no files")
	}
	var t tally
	names := map[string]string{fold(manifestName): manifestName, fold(signatureName): signatureName}
	for i, f := range b.Files {
		if err := f.check(); err != nil {
			return fmt.Errorf("%q: %w", f.Path, err)
		}
		if err := t.add(f.Path, int64(len(f.Data))); err != nil {
			return err
		}
		if other, taken := names[fold(f.Path)]; taken {
			return fmt.Errorf("%q and %q are the same path, or differ in case only", other, f.Path)
		}
		if i > 0 && f.Path < b.Files[i-1].Path {
			return fmt.Errorf("%q comes after %q: files are sorted by path", f.Path, b.Files[i-1].Path)
		}
		names[fold(f.Path)] = f.Path
	}
	if err := b.checkDirectories(names); err != nil {
		return err
	}
	for i, o := range b.Omitted {
		if !printable(o.Path) || !printable(o.From) || !printable(o.Why) || i > 0 && o.key() <= b.Omitted[i-1].key() {
			return fmt.Errorf("omission %q is not sorted, there twice, too long or no text", o.Path)
		}
	}
	return b.checkLinks()
}

// checkDirectories makes sure that the directories are those of the files, and that no name is taken.
func (b *Bundle) checkDirectories(names map[string]string) error {
	want := parents(b.Files)
	if len(want) != len(b.Directories) {
		return fmt.Errorf("%d directories hold the files, and the bundle knows %d", len(want), len(b.Directories))
	}
	for i, d := range b.Directories {
		switch other, taken := names[fold(d.Path)]; {
		case taken:
			return fmt.Errorf("%q and the directory %q are the same path, or differ in case only", other, d.Path)
		case d.Path != want[i]:
			return fmt.Errorf("directory %q comes where %q belongs", d.Path, want[i])
		case d.Mode&^fs.ModePerm != 0:
			return fmt.Errorf("%q: mode %v has more than permission bits", d.Path, d.Mode)
		}
		if err := d.Owner.check(); err != nil {
			return fmt.Errorf("%q: %w", d.Path, err)
		}
		names[fold(d.Path)] = d.Path
	}
	return nil
}

// linkText gives the text of the link at a path; "" for anything else, and where there is nothing.
func (b *Bundle) linkText(at string) (string, error) {
	if i, ok := slices.BinarySearchFunc(b.Files, at, func(f File, at string) int { return strings.Compare(f.Path, at) }); ok {
		return b.Files[i].Link, nil
	}
	return "", nil
}

// checkLinks makes sure that no link leads out of the bundle: on a restored
// node it would be dangling, or lead to a file of somebody's choice.
func (b *Bundle) checkLinks() error {
	texts := map[string]string{}
	for _, f := range b.Files {
		texts[f.Path] = f.Link
	}
	for _, d := range b.Directories {
		texts[d.Path] = ""
	}
	link := func(at string) (string, error) {
		text, have := texts[at]
		if !have {
			return "", fmt.Errorf("leads to %q, where the bundle holds no file", at)
		}
		return text, nil
	}
	for _, f := range b.Files {
		if f.Link == "" {
			continue
		}
		if _, err := follow(f.Path, link); err != nil {
			return fmt.Errorf("link %q -> %q: %w", f.Path, f.Link, err)
		}
	}
	return nil
}

func (f File) check() error {
	switch {
	case f.Path == "." || !fs.ValidPath(f.Path) || !filepath.IsLocal(f.Path) || !printable(f.Path):
		return errors.New("not a relative path of UTF-8 without \".\", \"..\" and control characters")
	case strings.Count(f.Path, "/") >= maxDepth:
		return fmt.Errorf("has more than %d parts", maxDepth)
	case f.Link != "" && !printable(f.Link):
		return errors.New("link text is too long, not UTF-8, or holds control characters")
	case f.Link != "" && (len(f.Data) > 0 || f.Mode != modeLink):
		return errors.New("a link has mode 0777 and no contents")
	case f.Mode&^fs.ModePerm != 0:
		return fmt.Errorf("mode %v has more than permission bits", f.Mode)
	case !isRole(f.Role):
		return fmt.Errorf("role %q is not a word of lower case letters and dashes", f.Role)
	}
	return f.Owner.check()
}

func (o Owner) check() error {
	switch {
	case !isID(o.UID) || !isID(o.GID):
		return fmt.Errorf("owner %d:%d is not two numbers of 32 bits", o.UID, o.GID)
	case o.User != "" && !isAccount(o.User) || o.Group != "" && !isAccount(o.Group):
		return fmt.Errorf("owner %q:%q is no name", o.User, o.Group)
	}
	return nil
}

func isRole(s string) bool {
	return len(s) <= 64 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz-") == ""
}

func printable(s string) bool {
	return len(s) <= maxPath && utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

func isID(id int) bool { return id >= 0 && int64(id) <= math.MaxUint32 }

// fold makes equal what a file system that ignores case holds for equal. Upper
// case first: it has one form for letters of which lower case has several.
func fold(s string) string { return strings.ToLower(strings.ToUpper(s)) }
