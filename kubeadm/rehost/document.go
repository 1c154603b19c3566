package rehost

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/clustersnap/clustersnap/internal/boundedyaml"
)

const (
	// maxFile bounds a manifest; kubeadm's have up to 4 KiB.
	maxFile = 1 << 20
	// maxFiles is how many package kubeadm reads of a directory, too.
	maxFiles = 256
)

// File is one file of a node.
type File struct {
	// Path says which; it is handed on, and not looked at.
	Path string
	Data []byte
}

// document is a manifest as a tree, so that nothing is lost of a field that this version of the API does not know.
type document struct {
	path string
	tree map[string]any
}

func readAll(manifests []File) ([]*document, error) {
	if len(manifests) > maxFiles {
		return nil, fmt.Errorf("there are %d manifests: give the at most %d of one node", len(manifests), maxFiles)
	}
	var all []*document
	for _, f := range manifests {
		d, err := read(f)
		if err != nil {
			return nil, err
		}
		all = append(all, d)
	}
	return all, nil
}

// read takes a v1 Pod in YAML or JSON.
func read(f File) (*document, error) {
	var pod corev1.Pod
	if err := parse(f, &pod); err != nil {
		return nil, err
	}
	if pod.APIVersion != "v1" || pod.Kind != "Pod" {
		return nil, fmt.Errorf("%s is no v1 Pod but apiVersion %.100q, kind %.100q: give static pod manifests alone", f.Path,
			pod.APIVersion, pod.Kind)
	}
	tree, err := parseTree(f)
	if err != nil {
		return nil, err
	}
	return &document{f.Path, tree}, nil
}

// parse reads one document into a value. What the parser says may show what stands there, but for the line.
func parse(f File, into any) error {
	if len(f.Data) > maxFile {
		return fmt.Errorf("%s is larger than %d bytes: this is not what it should be", f.Path, maxFile)
	}
	err := boundedyaml.Unmarshal(f.Data, into)
	if errors.Is(err, boundedyaml.ErrRepeats) || errors.Is(err, boundedyaml.ErrNotUTF8) {
		return fmt.Errorf("%s cannot be read: %w", f.Path, err)
	}
	if err != nil {
		place := lineForm.FindString(err.Error())
		if place != "" {
			place = ", at " + place
		}
		return fmt.Errorf("parse %s: it is not of the form that is expected there%s: correct it", f.Path, place)
	}
	return nil
}

var lineForm = regexp.MustCompile(`line \d+`)

// parseTree reads what parse has accepted, and keeps numbers as they are written.
func parseTree(f File) (map[string]any, error) {
	if err := boundedyaml.Check(f.Data); err != nil {
		return nil, fmt.Errorf("%s cannot be read: correct it", f.Path)
	}
	text, err := yaml.YAMLToJSON(f.Data)
	if err != nil {
		return nil, fmt.Errorf("parse %s: it is no YAML: correct it", f.Path)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var tree map[string]any
	if err := decoder.Decode(&tree); err != nil || tree == nil {
		return nil, fmt.Errorf("parse %s: it is no object: correct it", f.Path)
	}
	return tree, nil
}

// write gives YAML in the form that kubeadm writes: keys sorted.
func write(tree map[string]any) ([]byte, error) {
	text, err := json.Marshal(tree)
	if err != nil {
		return nil, err
	}
	return yaml.JSONToYAML(text)
}

func mapOf(tree map[string]any, key string) map[string]any {
	m, _ := tree[key].(map[string]any)
	return m
}

func listOf(tree map[string]any, key string) []any {
	l, _ := tree[key].([]any)
	return l
}

func textOf(tree map[string]any, key string) string {
	s, _ := tree[key].(string)
	return s
}
