package diff

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/clustersnap/clustersnap/manifests"
)

// object is one of a file, as the API server would read it.
type object struct {
	manifests.Entry
	resource manifests.Resource
	tree     map[string]any
	json     []byte
}

// object reads what stands in a file.
func (f *files) object(t writtenText) (*object, error) {
	tree, err := treeOf(t.json)
	if err != nil {
		return nil, err
	}
	apiVersion, kind, name := stringAt(tree, "apiVersion"), stringAt(tree, "kind"), stringAt(tree, "metadata", "name")
	switch {
	case apiVersion == "" || kind == "":
		return nil, errors.New("it has no apiVersion or no kind, so it is no manifest: correct it, or skip the file")
	case name == "":
		return nil, errors.New("it has no metadata.name: only what has a name can be compared")
	}
	r, err := f.lookup(apiVersion, kind)
	if err != nil {
		return nil, err
	}
	namespace, metadata := stringAt(tree, "metadata", "namespace"), tree["metadata"].(map[string]any)
	if delete(metadata, "namespace"); !r.Namespaced {
		namespace = ""
	} else {
		namespace = cmp.Or(namespace, f.opts.Namespace)
		metadata["namespace"] = namespace
	}
	if r.Group == "" && r.Kind == "Secret" {
		foldStringData(tree)
	}
	o := &object{resource: r, tree: tree}
	o.Entry = manifests.Entry{
		Key:     manifests.Key{Group: r.Group, Resource: r.Resource, Namespace: namespace, Name: name},
		Version: r.Version, Kind: r.Kind, Class: manifests.User,
	}
	if o.json, err = json.Marshal(tree); err != nil {
		return nil, err
	}
	canonical, err := manifests.Canonical(o.json, r, f.opts.Level)
	if err != nil {
		return nil, fmt.Errorf("canonical form: %w", err)
	}
	o.Hash = canonical.Hash
	return o, nil
}

// foldStringData puts the stringData of a Secret into its data, as the API server does before it stores one.
func foldStringData(secret map[string]any) {
	texts, ok := secret["stringData"].(map[string]any)
	if !ok {
		return
	}
	data, ok := secret["data"].(map[string]any)
	if !ok {
		data = map[string]any{}
	}
	for key, value := range texts {
		text, ok := value.(string)
		if !ok {
			return // the API server refuses it
		}
		data[key] = base64.StdEncoding.EncodeToString([]byte(text))
	}
	delete(secret, "stringData")
	if len(data) > 0 {
		secret["data"] = data
	}
}

// one reads an object again.
func (f *files) one(key manifests.Key) (*object, error) {
	w := f.at[key]
	texts, err := f.recent.texts(w.file, f.read)
	if err != nil {
		return nil, err
	}
	if w.nth < len(texts) {
		if o, err := f.object(texts[w.nth]); err == nil && o.Key == key {
			return o, nil
		}
	}
	return nil, fmt.Errorf("%v: it is no longer there: compare again", w)
}

// recent keeps the files that were read last, up to one of the greatest size or many small ones: objects are asked for in
// the order of their keys, which is not that of files.
type recent struct {
	mu    sync.Mutex
	files map[string][]writtenText
	size  int
}

func (r *recent) texts(name string, read func(string) ([]writtenText, error)) ([]writtenText, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if texts, ok := r.files[name]; ok {
		return texts, nil
	}
	texts, err := read(name)
	if err != nil {
		return nil, err
	}
	size := 0
	for _, t := range texts {
		size += len(t.json)
	}
	if r.files == nil || r.size+size > maxFile {
		r.files, r.size = map[string][]writtenText{}, 0
	}
	r.files[name] = texts
	r.size += size
	return texts, nil
}
