package diff

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/clustersnap/clustersnap/manifests"
)

// namesWithMeaning are resources whose objects can't have just any name.
var namesWithMeaning = []string{"apiservices", "customresourcedefinitions", "ipaddresses", "namespaces"}

// applied gives what the server makes of an object. Under its own name the server would merge it into the live object,
// and keep there what others have set: that would not show. And it would refuse to change a field that can't be changed.
// So the object is given the name of a probe, as a new one, and its own only if the server does not take that: a port of a
// Service, say, is allocated once. An error of the server about a Secret is not shown: it may quote what is wrong.
func (f *files) applied(ctx context.Context, o *object) ([]byte, error) {
	if !slices.Contains(namesWithMeaning, o.Resource) {
		if text, err := f.probed(ctx, o); err == nil || ctx.Err() != nil {
			return text, err
		}
	}
	made, err := f.opts.Server.DryRun(ctx, o.json, f.opts.Level)
	if status := apierrors.APIStatus(nil); isSecret(o.Key) && errors.As(err, &status) {
		code := status.Status().Code
		return nil, fmt.Errorf("the server does not take this Secret (code %d), and what it says may show values", code)
	}
	if err != nil {
		return nil, err
	}
	return made.YAML, nil
}

// probed asks for a new object, and gives it its own name again.
func (f *files) probed(ctx context.Context, o *object) ([]byte, error) {
	sum := sha256.Sum256([]byte(o.Key.String()))
	probe := maps.Clone(o.tree)
	if err := rename(probe, "clustersnap-probe-"+hex.EncodeToString(sum[:4])); err != nil {
		return nil, err
	}
	text, err := json.Marshal(probe)
	if err != nil {
		return nil, err
	}
	made, err := f.opts.Server.DryRun(ctx, text, f.opts.Level)
	if err != nil {
		return nil, err
	}
	tree, err := parseObject(made.YAML)
	if err != nil {
		return nil, err
	}
	if err := rename(tree, o.Name); err != nil {
		return nil, err
	}
	if text, err = json.Marshal(tree); err != nil {
		return nil, err
	}
	canonical, err := manifests.Canonical(text, o.resource, f.opts.Level)
	if err != nil {
		return nil, err
	}
	return canonical.YAML, nil
}

// rename gives an object another name, in a copy of its metadata.
func rename(tree map[string]any, name string) error {
	metadata, ok := tree["metadata"].(map[string]any)
	if !ok {
		return errors.New("it has no metadata")
	}
	metadata = maps.Clone(metadata)
	metadata["name"] = name
	tree["metadata"] = metadata
	return nil
}
