package pkibundle

import (
	"errors"
	"path"
	"strings"
)

const (
	// maxLinks is how many links Linux follows in one path (MAXSYMLINKS).
	maxLinks = 40
	// maxSteps bounds the work that long link texts can ask for. Real paths have a
	// few dozen elements.
	maxSteps = 1024
)

// follow gives the path that name leads to once every link on the way is
// resolved, with an absolute target counted from the root of the tree. The
// function link gives the text of the link at a path, or "" if there is none.
func follow(name string, link func(at string) (string, error)) (string, error) {
	at, rest, links := ".", name, 0
	for steps := 0; rest != ""; steps++ {
		if steps == maxSteps {
			return "", errors.New("path is too long once its links are resolved")
		}
		var elem string
		elem, rest, _ = strings.Cut(rest, "/")
		if elem == "" || elem == "." {
			continue
		}
		if elem == ".." {
			// The kernel would stay at the root. In a tree that is restored below another
			// root such a link would lead out of it.
			if at == "." {
				return "", errors.New("link climbs above the root of the node: make it absolute")
			}
			at = path.Dir(at)
			continue
		}
		at = path.Join(at, elem)
		target, err := link(at)
		if err != nil {
			return "", err
		}
		if target == "" {
			continue
		}
		if links++; links > maxLinks {
			return "", errors.New("too many links: one of them leads back to itself")
		}
		if at = path.Dir(at); strings.HasPrefix(target, "/") {
			at = "."
		}
		rest = target + "/" + rest
	}
	return at, nil
}
