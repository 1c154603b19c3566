package diff

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	parser "go.yaml.in/yaml/v2"
	"sigs.k8s.io/yaml"
)

// toJSON reads one YAML document. Numbers are taken as the API server takes them: an integer of more than 64 bits is none to
// it either.
func toJSON(document []byte) ([]byte, error) {
	if err := bounded(document); err != nil {
		return nil, err
	}
	text, err := yaml.YAMLToJSONStrict(document)
	if err != nil {
		return nil, yamlError(err)
	}
	return text, nil
}

// maxRepeated is how many bytes of JSON a document may become at most by its aliases.
const maxRepeated = 16 << 20

var errRepeats = fmt.Errorf("it becomes more than %d MiB by its YAML aliases (*name): write the values out", maxRepeated>>20)

var (
	anchorForm = regexp.MustCompile(`&[0-9A-Za-z_-]+`)
	aliasForm  = regexp.MustCompile(`\*[0-9A-Za-z_-]+`)
)

// bounded refuses documents that repeat anchors (&name) by aliases (*name) so that few bytes become many. The parser bounds
// how many values they become, and lets them share their texts, but in JSON each has its own: 1 MiB can become 80 GB.
func bounded(document []byte) error {
	if !mayRepeat(document) {
		return nil
	}
	var v any
	if err := parser.UnmarshalStrict(document, &v); err != nil {
		if strings.Contains(err.Error(), "excessive aliasing") {
			return errRepeats
		}
		return yamlError(err)
	}
	if size(v, maxRepeated) > maxRepeated {
		return errRepeats
	}
	return nil
}

// mayRepeat looks for &name and the same *name anywhere in the text.
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

var (
	yamlLine  = regexp.MustCompile(`line (\d+): `)
	yamlTwice = regexp.MustCompile(`line (\d+): key .* already set in map`)
)

// yamlError says where YAML is wrong, without what stands there: it may be a Secret's.
func yamlError(err error) error {
	at, what := yamlTwice.FindStringSubmatch(err.Error()), errKeyTwice
	if at == nil {
		at, what = yamlLine.FindStringSubmatch(err.Error()), errors.New("it is not YAML: correct it")
	}
	if at == nil {
		return what
	}
	line, _ := strconv.Atoi(at[1])
	return lineError{line, what}
}
