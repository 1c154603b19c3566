package pkibundle

import (
	"errors"
	"path"
	"strings"
)

// maxLinks is how many links Linux follows in one path (MAXSYMLINKS).
const maxLinks = 40

// follow gives the path that name leads to once every link on the way is
// resolved, with an absolute target counted from the root of the tree. The
// function link gives the text of the link at a path, or "" if there is none.
func follow(name string, link func(at string) (string, error)) (string, error) {
	at, rest, links := ".", name, 0
	for rest != "" {
		var elem string
		elem, rest, _ = strings.Cut(rest, "/")
		if elem == "" || elem == "." {
			continue
		}
		if elem == ".." {
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
