package apply

import (
	"encoding/json"
	"errors"
	"fmt"

	utiljson "k8s.io/apimachinery/pkg/util/json"

	"github.com/clustersnap/clustersnap/internal/boundedyaml"
	"github.com/clustersnap/clustersnap/manifests"
)

// Object is one that is to be brought back.
type Object struct {
	// Body is one document of YAML or JSON, in whatever form: that of a dump, what a server gives, or what somebody has
	// written. What binds it to its old cluster is taken out first, as [manifests.Portable] says, and so is its status.
	Body []byte
	// Class is what the object was where it was saved. Empty is what Body tells by itself; in the form of a dump it does not
	// tell any more who owned it.
	Class manifests.Class
}

// maxBody bounds one document, as manifests does what a server sends of one object.
const maxBody = 16 << 20

// What is wrong with a document. Its text is in no error: it may be a Secret's.
var (
	errLong  = fmt.Errorf("it has more than %d MiB", maxBody>>20)
	errText  = errors.New("it is not one document of YAML or JSON with each key once")
	errShape = errors.New("it has no apiVersion, kind or metadata.name")
)

// decode reads a document.
func decode(body []byte) (map[string]any, error) {
	if len(body) > maxBody {
		return nil, errLong
	}
	var raw json.RawMessage
	err := boundedyaml.UnmarshalStrict(body, &raw)
	switch {
	case errors.Is(err, boundedyaml.ErrRepeats), errors.Is(err, boundedyaml.ErrNotUTF8):
		return nil, err
	case err != nil:
		return nil, errText
	}
	return decodeJSON(raw)
}

func decodeJSON(raw []byte) (map[string]any, error) {
	var object map[string]any
	if err := utiljson.Unmarshal(raw, &object); err != nil {
		return nil, errText
	}
	return object, nil
}

// head is what says which object it is.
type head struct{ apiVersion, kind, namespace, name string }

func headOf(object map[string]any) (head, error) {
	h := head{apiVersion: text(object, "apiVersion"), kind: text(object, "kind")}
	h.namespace, h.name = text(object, "metadata", "namespace"), text(object, "metadata", "name")
	if h.apiVersion == "" || h.kind == "" || h.name == "" {
		return h, errShape
	}
	return h, nil
}

// canonical brings an object into the form of a level.
func canonical(object map[string]any, r manifests.Resource, level manifests.Level) (*manifests.Object, error) {
	raw, err := json.Marshal(object)
	if err != nil {
		return nil, err
	}
	return manifests.Canonical(raw, r, level)
}

// fields reads a canonical form back.
func fields(object *manifests.Object) (map[string]any, error) { return decode(object.YAML) }

// value gives what is at a path of members, or nil.
func value(object map[string]any, path ...string) any {
	var v any = object
	for _, name := range path {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[name]
	}
	return v
}

// text gives the string at a path, or none.
func text(object map[string]any, path ...string) string {
	s, _ := value(object, path...).(string)
	return s
}

// items gives the maps of the list at a path.
func items(object map[string]any, path ...string) []map[string]any {
	list, _ := value(object, path...).([]any)
	var maps []map[string]any
	for _, v := range list {
		if m, ok := v.(map[string]any); ok {
			maps = append(maps, m)
		}
	}
	return maps
}
