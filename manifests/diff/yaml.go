package diff

import (
	"errors"
	"regexp"
	"strconv"

	"sigs.k8s.io/yaml"

	"github.com/clustersnap/clustersnap/internal/boundedyaml"
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

// bounded refuses documents whose aliases make many bytes of few.
func bounded(document []byte) error {
	err := boundedyaml.Check(document)
	if err == nil || errors.Is(err, boundedyaml.ErrRepeats) || errors.Is(err, boundedyaml.ErrNotUTF8) {
		return err
	}
	return yamlError(err)
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
