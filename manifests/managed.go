package manifests

import (
	"context"
	"encoding/json"
	"fmt"
)

// ManagedFields gives metadata.managedFields of one object as it is now, as JSON: which manager owns which of its fields. Its error
// is one of those of [Cluster.Get].
func (c *Cluster) ManagedFields(ctx context.Context, key Key) ([]byte, error) {
	managed, err := c.managedFields(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("get managed fields of %s: %w", key, err)
	}
	return managed, nil
}

func (c *Cluster) managedFields(ctx context.Context, key Key) ([]byte, error) {
	r, err := c.resource(ctx, key)
	if err != nil {
		return nil, err
	}
	body, _, err := c.read(ctx, alone(), request{
		segments: r.segments(key.Namespace, key.Name),
		accept:   "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1," + jsonType,
	}, maxItem)
	if err != nil {
		return nil, err
	}
	var object struct {
		Metadata struct{ ManagedFields json.RawMessage }
	}
	err = json.Unmarshal(body, &object)
	return object.Metadata.ManagedFields, err
}
