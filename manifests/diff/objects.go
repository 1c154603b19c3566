package diff

import (
	"context"
	"fmt"

	"github.com/clustersnap/clustersnap/manifests"
)

// Objects compares two versions of one object that are at hand, such as two neighbours in its history: each in canonical form,
// as YAML or JSON, or nil where it is absent. The entry says what object it is. There is no Change if both are the same.
func Objects(e manifests.Entry, a, b []byte) (*Change, error) {
	var trees [sides]any
	for i, text := range [sides][]byte{before: a, after: b} {
		if text == nil {
			continue
		}
		tree, err := parseObject(text)
		if err != nil {
			return nil, fmt.Errorf("compare %v: read side %s: %w", e.Key, names[i], err)
		}
		trees[i] = tree
	}
	o := outcome{change: &Change{Key: e.Key, Kind: e.Kind, Class: e.Class}}
	if err := new(comparison).compare(context.Background(), trees, &o); err != nil {
		return nil, fmt.Errorf("compare %v: %w", e.Key, err)
	}
	if o.change.What == "" {
		return nil, nil
	}
	return o.change, nil
}
