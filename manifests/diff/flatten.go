package diff

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// flatten gives each object of a document: its only one, with item 0, or those of a list, numbered from 1.
func flatten(d document, each func(item int, object []byte)) error {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(d.json, &fields); err != nil {
		return errors.New("it is not a map: a manifest has apiVersion, kind and metadata")
	}
	if fields == nil {
		return nil // null, as of a document of comments only
	}
	items, ok := listItems(fields)
	if !ok {
		each(0, d.json)
		return nil
	}
	for i, item := range items {
		var inner map[string]json.RawMessage
		if err := json.Unmarshal(item, &inner); err != nil || inner == nil {
			return fmt.Errorf("item %d of the list is not a map", i+1)
		}
		if _, nested := listItems(inner); nested {
			return fmt.Errorf("item %d of the list is a list: write its items out", i+1)
		}
		object, err := withKind(inner, fields)
		if err != nil {
			return err
		}
		each(i+1, object)
	}
	return nil
}

// listItems gives the items of a list: of v1 List, or of a kind such as ConfigMapList. An object that has a name is none.
func listItems(fields map[string]json.RawMessage) (items []json.RawMessage, ok bool) {
	var kind string
	var metadata map[string]json.RawMessage
	if json.Unmarshal(fields["kind"], &kind) != nil || !strings.HasSuffix(kind, "List") || fields["items"] == nil {
		return nil, false
	}
	if json.Unmarshal(fields["metadata"], &metadata) == nil && metadata["name"] != nil {
		return nil, false
	}
	return items, json.Unmarshal(fields["items"], &items) == nil
}

// withKind gives an item of a list its kind where it has none: those of a ConfigMapList are each a ConfigMap.
func withKind(item, list map[string]json.RawMessage) ([]byte, error) {
	var kind string
	if item["kind"] == nil && json.Unmarshal(list["kind"], &kind) == nil && kind != "List" {
		item["apiVersion"] = list["apiVersion"]
		item["kind"], _ = json.Marshal(strings.TrimSuffix(kind, "List"))
	}
	return json.Marshal(item)
}
