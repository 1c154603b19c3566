package diff

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

// null is the JSON null, which is not what is absent.
type null struct{}

func (null) MarshalJSON() ([]byte, error) { return []byte("null"), nil }

// parseObject reads one object, of YAML or JSON.
func parseObject(text []byte) (map[string]any, error) {
	if !bytes.HasPrefix(text, []byte("{")) {
		var err error
		if text, err = toJSON(text); err != nil {
			return nil, err
		}
	}
	return treeOf(text)
}

// treeOf reads one JSON object as maps, lists and scalars, with numbers as they are written.
func treeOf(text []byte) (map[string]any, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var object map[string]any
	if err := d.Decode(&object); err != nil {
		return nil, errors.New("it is not an object of YAML or JSON")
	}
	if _, err := d.Token(); err != io.EOF || object == nil {
		return nil, errors.New("it is not one object of YAML or JSON")
	}
	return withNulls(object).(map[string]any), nil
}

// withNulls puts null in the place of nil.
func withNulls(v any) any {
	switch v := v.(type) {
	case nil:
		return null{}
	case map[string]any:
		for key, value := range v {
			v[key] = withNulls(value)
		}
	case []any:
		for i, value := range v {
			v[i] = withNulls(value)
		}
	}
	return v
}

// clone copies maps and lists.
func clone(v any) any {
	switch v := v.(type) {
	case map[string]any:
		m := make(map[string]any, len(v))
		for key, value := range v {
			m[key] = clone(value)
		}
		return m
	case []any:
		list := make([]any, len(v))
		for i, value := range v {
			list[i] = clone(value)
		}
		return list
	}
	return v
}

// stringAt gives the string at keys, or none.
func stringAt(object map[string]any, keys ...string) string {
	var v any = object
	for _, key := range keys {
		m, _ := v.(map[string]any)
		v = m[key]
	}
	s, _ := v.(string)
	return s
}
