// Package boundedyaml reads YAML of others. sigs.k8s.io/yaml makes JSON of it first, in which each alias (*name) is a copy of what
// its anchor (&name) holds, so that 64 KiB can become a gigabyte. Here they can't.
package boundedyaml

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	parser "go.yaml.in/yaml/v2" // what is below sigs.k8s.io/yaml: it lets aliases share what they stand for
	"sigs.k8s.io/yaml"
)

// MaxRepeated is how many bytes of JSON a document may become at most by its aliases.
const MaxRepeated = 16 << 20

// ErrRepeats means that it would be more.
var ErrRepeats = fmt.Errorf("it becomes more than %d MiB by its YAML aliases (*name): write the values out", MaxRepeated>>20)

// ErrNotUTF8 is for UTF-16, in which anchors cannot be seen, and what is no text at all.
var ErrNotUTF8 = errors.New("it is not UTF-8 text: write it in UTF-8")

// Unmarshal is that of sigs.k8s.io/yaml, for one document that passes [Check]. Its error may show what was read.
func Unmarshal(document []byte, into any) error {
	if err := Check(document); err != nil {
		return err
	}
	return yaml.Unmarshal(document, into)
}

// UnmarshalStrict is [Unmarshal], and refuses unknown and repeated fields.
func UnmarshalStrict(document []byte, into any) error {
	if err := Check(document); err != nil {
		return err
	}
	return yaml.UnmarshalStrict(document, into)
}

// Check holds a document against MaxRepeated. An error is ErrRepeats, ErrNotUTF8 or the parser's, which may show what was read.
func Check(document []byte) error {
	if !utf8.Valid(document) {
		return ErrNotUTF8
	}
	if !mayRepeat(document) {
		return nil
	}
	var v any
	if err := parser.Unmarshal(document, &v); err != nil {
		if strings.Contains(err.Error(), "excessive aliasing") { // the parser bounds how many values they become, not how long these are
			return ErrRepeats
		}
		return err
	}
	if size(v, MaxRepeated) > MaxRepeated {
		return ErrRepeats
	}
	return nil
}

// Anchors and aliases as the parser reads their names (go.yaml.in/yaml/v2, is_alpha).
var (
	anchorForm = regexp.MustCompile(`&[0-9A-Za-z_-]+`)
	aliasForm  = regexp.MustCompile(`\*[0-9A-Za-z_-]+`)
)

// mayRepeat looks for &name and the same *name anywhere in the text: most documents need no second look.
func mayRepeat(document []byte) bool {
	anchors := map[string]bool{}
	for _, anchor := range anchorForm.FindAll(document, -1) {
		anchors[string(anchor[1:])] = true
	}
	for _, alias := range aliasForm.FindAll(document, -1) {
		if anchors[string(alias[1:])] {
			return true
		}
	}
	return false
}

// size is about how many bytes a value takes in JSON. It ends the count above a limit.
func size(v any, limit int) int {
	n := 8
	switch v := v.(type) {
	case string:
		n += len(v)
	case []any:
		for _, e := range v {
			if n += size(e, limit-n); n > limit {
				return n
			}
		}
	case map[any]any:
		for key, value := range v {
			if n += size(key, limit-n) + size(value, limit-n); n > limit {
				return n
			}
		}
	}
	return n
}
