package diff

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/clustersnap/clustersnap/manifests"
)

// manager is one entry of metadata.managedFields.
type manager struct {
	Manager     string         `json:"manager"`
	Subresource string         `json:"subresource"`
	FieldsV1    map[string]any `json:"fieldsV1"`
}

// managersOf asks for the managers of a live object. One that is gone has none.
func managersOf(ctx context.Context, owners Owners, key manifests.Key) ([]manager, error) {
	text, err := owners.ManagedFields(ctx, key)
	if apierrors.IsNotFound(err) || err == nil && len(text) == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var list []manager
	if err := json.Unmarshal(text, &list); err != nil {
		return nil, errors.New("managedFields are not as the API server writes them")
	}
	return list, nil
}

// withoutOwned takes the fields of a fieldsV1 out of a tree. A map or element goes with its last field if it is owned
// itself.
//
// In fieldsV1 a key is f: and the name of a field, k: and the keys of an element, v: and an element, i: and a position, or
// a dot for the place itself (FieldsV1 in k8s.io/apimachinery/pkg/apis/meta/v1).
func withoutOwned(v any, owned map[string]any) any {
	switch v := v.(type) {
	case map[string]any:
		for key, inner := range owned {
			name, isField := strings.CutPrefix(key, "f:")
			value, there := v[name]
			if !isField || !there {
				continue
			}
			if v[name] = withoutOwnedAt(value, inner); v[name] == nil {
				delete(v, name)
			}
		}
	case []any:
		kept := []any{}
		for _, e := range v {
			if e = withoutOwnedIn(e, owned); e != nil {
				kept = append(kept, e)
			}
		}
		return kept
	}
	return v
}

// withoutOwnedAt gives nil for a value that is owned altogether.
func withoutOwnedAt(v, inner any) any {
	fields, _ := inner.(map[string]any)
	_, self := fields["."]
	if len(fields) == 0 || self && len(fields) == 1 {
		return nil
	}
	switch left := withoutOwned(v, fields).(type) {
	case map[string]any:
		if self && len(left) == 0 {
			return nil
		}
		return left
	case []any:
		if len(left) == 0 {
			return nil // a list has no dot of its own where its elements are owned one by one
		}
		return left
	default:
		return left
	}
}

// withoutOwnedIn takes what is owned of an element out of it, and gives nil if that is all of it. What is left keeps its
// keys.
func withoutOwnedIn(e any, owned map[string]any) any {
	for key, inner := range owned {
		if text, ok := strings.CutPrefix(key, "v:"); ok {
			if value, err := treeOf([]byte(`{"v":` + text + `}`)); err == nil && equal(e, value["v"]) {
				return withoutOwnedAt(e, inner)
			}
		}
		if text, ok := strings.CutPrefix(key, "k:"); ok {
			want, err := treeOf([]byte(text))
			if err != nil || !hasKeys(e, want) {
				continue
			}
			left, _ := withoutOwnedAt(e, inner).(map[string]any)
			if left == nil {
				return nil
			}
			maps.Copy(left, want)
			return left
		}
	}
	return e
}

// hasKeys reports whether an element has the keys, which may be defaults.
func hasKeys(e any, want map[string]any) bool {
	m, ok := e.(map[string]any)
	for key, value := range want {
		have := m[key]
		if text, isDefault := keyDefaults[key]; have == nil && isDefault {
			have = text
		}
		ok = ok && equal(have, value)
	}
	return ok
}
