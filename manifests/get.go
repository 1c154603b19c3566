package manifests

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// Get reads one object as it is now, in canonical form. Its error wraps a NotFound of
// k8s.io/apimachinery/pkg/api/errors if there is none, and the errors of [Cluster.Lookup] if there is no such
// resource.
func (c *Cluster) Get(ctx context.Context, key Key, level Level) (*Object, error) {
	object, err := c.get(ctx, key, level)
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", key, err)
	}
	return object, nil
}

func (c *Cluster) get(ctx context.Context, key Key, level Level) (*Object, error) {
	r, err := c.resource(ctx, key)
	if err != nil {
		return nil, err
	}
	return c.getOf(ctx, r, key.Namespace, key.Name, level)
}

// getOf reads an object at the version of its resource.
func (c *Cluster) getOf(ctx context.Context, r Resource, namespace, name string, level Level) (*Object, error) {
	body, _, err := c.read(ctx, alone(), request{segments: r.segments(namespace, name)}, maxItem)
	if err != nil {
		return nil, err
	}
	return Canonical(body, r, level)
}

// GetAs reads one object as it is now in a version of the caller's choice, such as the one that etcd has it in, which may be of
// another group: core events are those of events.k8s.io. The errors are those of Get and of [Cluster.Lookup].
func (c *Cluster) GetAs(ctx context.Context, apiVersion, kind, namespace, name string, level Level) (*Object, error) {
	r, err := c.Lookup(ctx, apiVersion, kind)
	if err != nil {
		return nil, err
	}
	object, err := c.getOf(ctx, r, namespace, name, level)
	if err != nil {
		return nil, fmt.Errorf("get %s of %s: %w", Key{r.Group, r.Resource, namespace, name}, apiVersion, err)
	}
	return object, nil
}

// fieldManager is who the server takes for the author of what DryRun asks about.
const fieldManager = "clustersnap"

// DryRun gives what the server would make of an object written by hand, in JSON: with its defaults and what admission
// adds, in canonical form. Nothing is written (dryRun=All), but it takes the rights to: patch, and create as well for
// objects that are not there yet. A webhook whose side effects are not declared makes it fail.
//
// It is a server-side apply that takes all fields over. Where that is not possible because a list has two elements of the
// same key (kubernetes/kubernetes#113482), it is an update of the object that is there, or a create.
func (c *Cluster) DryRun(ctx context.Context, object []byte, level Level) (*Object, error) {
	key, made, err := c.dryRun(ctx, object, level)
	if err != nil {
		return nil, fmt.Errorf("dry-run %s: %w", key, err)
	}
	return made, nil
}

func (c *Cluster) dryRun(ctx context.Context, object []byte, level Level) (Key, *Object, error) {
	var head struct {
		APIVersion, Kind string
		Metadata         struct{ Namespace, Name string }
	}
	if err := json.Unmarshal(object, &head); err != nil {
		return Key{}, nil, err
	}
	key := Key{Resource: head.Kind, Namespace: head.Metadata.Namespace, Name: head.Metadata.Name}
	r, err := c.Lookup(ctx, head.APIVersion, head.Kind)
	if err != nil {
		return key, nil, err
	}
	key.Group, key.Resource = r.Group, r.Resource
	if key.Name == "" || r.Namespaced != (key.Namespace != "") {
		return key, nil, errors.New("it needs a name, and a namespace exactly if its kind has one")
	}
	body, _, err := c.read(ctx, alone(), request{
		method: http.MethodPatch, segments: r.segments(key.Namespace, key.Name), contentType: "application/apply-patch+yaml",
		query: url.Values{"dryRun": {"All"}, "force": {"true"}, "fieldManager": {fieldManager}}, body: object,
	}, maxItem)
	if apierrors.IsInternalError(err) {
		body, err = c.dryRunWrite(ctx, r, key, object, err)
	}
	if err != nil {
		return key, nil, err
	}
	made, err := Canonical(body, r, level)
	return key, made, err
}

// dryRunWrite tries a plain create or update in the place of an apply that ended with applied.
func (c *Cluster) dryRunWrite(ctx context.Context, r Resource, key Key, object []byte, applied error) ([]byte, error) {
	query := url.Values{"dryRun": {"All"}, "fieldManager": {fieldManager}}
	write := request{
		method: http.MethodPost, segments: r.segments(key.Namespace), contentType: jsonType, query: query, body: object,
	}
	body, _, err := c.read(ctx, alone(), write, maxItem)
	if apierrors.IsAlreadyExists(err) {
		write.method, write.segments = http.MethodPut, r.segments(key.Namespace, key.Name)
		body, _, err = c.read(ctx, alone(), write, maxItem)
	}
	if err != nil {
		return nil, errors.Join(applied, err)
	}
	return body, nil
}
