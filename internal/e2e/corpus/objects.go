package corpus

import (
	"bytes"
	"embed"
	"encoding/base64"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

//go:embed objects
var files embed.FS

// What becomes of a file's objects once they are there.
const (
	hidden      = "hidden"      // the definition is no longer served
	terminating = "terminating" // they are deleted
)

// order is that of the files by which each object finds what it needs.
func order() []string {
	return []string{
		"definitions", "namespaces", "machinery", "storage", "access", "services", "workloads", "values", hidden, terminating,
	}
}

// Objects gives the objects as they are written, in an order in which they can be created.
func Objects() ([]*unstructured.Unstructured, error) {
	var all []*unstructured.Unstructured
	for _, name := range order() {
		objects, err := read(name)
		if err != nil {
			return nil, err
		}
		all = append(all, objects...)
	}
	return append(all, large()...), nil
}

// read gives the objects of one file.
func read(name string) ([]*unstructured.Unstructured, error) {
	text, err := files.ReadFile("objects/" + name + ".yaml")
	if err != nil {
		return nil, err
	}
	objects, err := parse(bytes.Split(text, []byte("\n---\n"))...)
	if err != nil {
		return nil, fmt.Errorf("read %s.yaml: %w", name, err)
	}
	return objects, nil
}

// parse reads documents of YAML.
func parse(documents ...[]byte) ([]*unstructured.Unstructured, error) {
	var objects []*unstructured.Unstructured
	for i, document := range documents {
		json, err := yaml.YAMLToJSONStrict(document)
		if err != nil {
			return nil, fmt.Errorf("document %d: %w", i+1, err)
		}
		o := new(unstructured.Unstructured)
		if err := o.UnmarshalJSON(json); err != nil {
			return nil, fmt.Errorf("document %d: %w", i+1, err)
		}
		objects = append(objects, o)
	}
	return objects, nil
}

// large are objects just below the limit of 1 MiB (MaxSecretSize in pkg/apis/core of kubernetes/kubernetes): of lines, of
// one line, and of bytes.
func large() []*unstructured.Unstructured {
	const limit = 1 << 20
	fill := func(s string) string { return strings.Repeat(s, limit/len(s)) }
	noise := make([]byte, limit)
	for i := range noise {
		noise[i] = byte(i * i >> 7)
	}
	object := func(kind, name, field, key, value string) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "v1", "kind": kind,
			"metadata": map[string]any{"namespace": "corpus", "name": name},
			field:      map[string]any{key: value},
		}}
	}
	return []*unstructured.Unstructured{
		object("ConfigMap", "large-lines", "data", "text", fill("größe = \"1e3\" # yes: 12:30 \\ 大きさ\n\t- a: b\n")),
		object("ConfigMap", "large-line", "data", "text", fill("0123456789abcdef ")),
		object("ConfigMap", "large-bytes", "binaryData", "bytes", base64.StdEncoding.EncodeToString(noise)),
		object("Secret", "large", "data", "bytes", base64.StdEncoding.EncodeToString(noise)),
	}
}
