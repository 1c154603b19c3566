package material

import (
	"slices"
	"strings"
	"unicode"
)

// IsPath says whether a text may be the path of a file, and is no key that stands where a path should: no part of one is
// longer than 255 bytes, nor all of it than 4096 (NAME_MAX and PATH_MAX of Linux), none begins as PEM does, in itself or in
// base64, and there are no lines in it, as there are in a piece of PEM.
func IsPath(text string) bool {
	return len(text) <= 4096 && !strings.ContainsFunc(text, unicode.IsControl) && !slices.ContainsFunc(strings.Split(text, "/"), func(part string) bool {
		return len(part) > 255 || strings.HasPrefix(part, "-----BEGIN") || strings.HasPrefix(part, "LS0tLS1CRUdJTi")
	})
}
