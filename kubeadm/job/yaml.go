package job

import (
	"bytes"
	"encoding/json"
	"fmt"

	"sigs.k8s.io/yaml"
)

// YAML writes objects as one stream of documents, the same each time, without what only the server fills in.
func YAML(objects ...any) ([]byte, error) {
	var b bytes.Buffer
	for i, object := range objects {
		text, err := document(object)
		if err != nil {
			return nil, fmt.Errorf("write YAML: %w", err)
		}
		if i > 0 {
			b.WriteString("---\n")
		}
		b.Write(text)
	}
	return b.Bytes(), nil
}

func document(object any) ([]byte, error) {
	text, err := json.Marshal(object)
	if err != nil {
		return nil, err
	}
	var tree map[string]any
	if err := json.Unmarshal(text, &tree); err != nil {
		return nil, err
	}
	delete(tree, "status")
	prune(tree)
	return yaml.Marshal(tree)
}

// prune removes nulls and empty objects of metadata, at any depth: typed objects write them for what is not set.
func prune(tree map[string]any) {
	for key, v := range tree {
		switch v := v.(type) {
		case nil:
			delete(tree, key)
		case map[string]any:
			prune(v)
			if len(v) == 0 && (key == "metadata" || key == "resources" || key == "spec") {
				delete(tree, key)
			}
		case []any:
			for _, item := range v {
				if m, ok := item.(map[string]any); ok {
					prune(m)
				}
			}
		}
	}
}
