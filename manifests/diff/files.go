package diff

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"path"
	"slices"
	"strings"

	"github.com/clustersnap/clustersnap/manifests"
)

// Lookup finds the resource of a kind, such as that of apps/v1 and Deployment. It must not guess plurals: an error says
// that the kind isn't known.
type Lookup func(apiVersion, kind string) (manifests.Resource, error)

// Kinds looks up kinds among resources, as discovery or the report of a dump has them. The version does not matter: a
// cluster serves an object in all versions of its group. The resource is given with the version that was asked for.
func Kinds(resources []manifests.Resource) Lookup {
	type groupKind struct{ group, kind string }
	known := map[groupKind]manifests.Resource{}
	for _, r := range resources {
		known[groupKind{r.Group, r.Kind}] = r
	}
	return func(apiVersion, kind string) (manifests.Resource, error) {
		group, version, ok := strings.Cut(apiVersion, "/")
		if !ok {
			group, version = "", apiVersion
		}
		r, ok := known[groupKind{group, kind}]
		if !ok {
			return r, fmt.Errorf("kind %q of %q is not known: is its CustomResourceDefinition missing?", kind, apiVersion)
		}
		r.Version = version
		return r, nil
	}
}

// FileOptions changes how files are read.
type FileOptions struct {
	// Namespace is that of objects that name none, "default" if it is empty.
	Namespace string
	// Level is that of the canonical form. It has to be that of the other side: Compare refuses two.
	Level manifests.Level
	// Skip leaves out a file or directory, such as the values.yaml of a chart. The name is that in the file system.
	Skip func(name string) bool
	// Server, if there is one, is asked what it would make of each object: see [Files].
	Server Server
}

// Server answers what an object would be in its cluster. *manifests.Cluster does.
type Server interface {
	// DryRun gives the canonical form of what would be stored if the object, JSON, were applied.
	DryRun(ctx context.Context, object []byte, level manifests.Level) (*manifests.Object, error)
}

// Files is a side of manifests as people write them: all files of a file system named .yaml, .yml or .json, without those
// whose name, or that of a directory, begins with a dot. A git revision is a file system too: see the example.
//
// A file holds YAML documents, or JSON objects one after the other, or lists of kind List or, say, ConfigMapList. An object
// without a namespace, of a kind that has them, is in FileOptions.Namespace; a namespace of one that needs none is not
// looked at. The stringData of a Secret is taken for data, as the API server does. All objects are of class user: somebody
// wrote them.
//
// What is no manifest is an error, as is an object that is there twice; errors name file and line. They are all found
// before Files returns, one for each file. Files may have 32 MiB.
//
// Files are short of what the API server adds. With a Server each object that the other side has too is compared as it
// would be if it were applied, by a dry run that stores nothing. It is applied under another name, where nothing is in its
// way and no field of the live object gets into it; only if the server does not take that name, under its own. Then fields
// that only the live object has do not show. Rights to create and patch are needed, and admission webhooks are called.
// Without a Server, defaults show as differences.
func Files(ctx context.Context, fsys fs.FS, lookup Lookup, opts FileOptions) (Side, error) {
	f := &files{fsys: fsys, lookup: lookup, opts: opts, at: map[manifests.Key]written{}}
	if f.opts.Namespace == "" {
		f.opts.Namespace = "default"
	}
	var bad error
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err = cmp.Or(err, context.Cause(ctx)); err != nil {
			return err
		}
		if name != "." && (strings.HasPrefix(d.Name(), ".") || opts.Skip != nil && opts.Skip(name)) {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if d.IsDir() || !slices.Contains(extensions, path.Ext(name)) {
			return nil
		}
		bad = errors.Join(bad, f.list(name))
		return nil
	})
	if bad = errors.Join(err, bad); bad != nil {
		return nil, fmt.Errorf("read manifests: %w", bad)
	}
	return f, nil
}

var extensions = []string{".yaml", ".yml", ".json"}

// files is the side of manifests in files. It holds where each object is, and reads it when it is asked for.
type files struct {
	fsys   fs.FS
	lookup Lookup
	opts   FileOptions
	at     map[manifests.Key]written
	recent recent
}

// written is where an object stands.
type written struct {
	entry manifests.Entry
	file  string
	nth   int // of its objects
	line  int
	item  int // of the list at line, from 1; 0 if it is no list
}

func (w written) String() string {
	place := fmt.Sprintf("%s:%d", w.file, w.line)
	if w.item > 0 {
		place += fmt.Sprintf(" item %d", w.item)
	}
	return place
}

// list takes up the objects of a file.
func (f *files) list(name string) error {
	texts, err := f.read(name)
	if err != nil {
		return err
	}
	for _, t := range texts {
		o, err := f.object(t)
		if err != nil {
			return fmt.Errorf("%v: %w", t.written, err)
		}
		t.written.entry = o.Entry
		if other, twice := f.at[o.Key]; twice {
			return fmt.Errorf("%v: %v is in %v too: remove one", t.written, o.Key, other)
		}
		if f.opts.Server != nil {
			t.written.entry.Hash = "" // of what the server makes of it, which is not known yet
		}
		f.at[o.Key] = t.written
	}
	return nil
}

// writtenText is an object of a file, as JSON.
type writtenText struct {
	written
	json []byte
}

// read gives all objects of a file.
func (f *files) read(name string) ([]writtenText, error) {
	text, err := readBounded(f.fsys, name)
	if err != nil {
		return nil, err
	}
	var texts []writtenText
	for d, err := range documents(text) {
		if err == nil {
			err = flatten(d, func(item int, object []byte) {
				texts = append(texts, writtenText{written{file: name, nth: len(texts), line: d.line, item: item}, object})
			})
		}
		var at lineError
		if errors.As(err, &at) {
			return nil, fmt.Errorf("%s:%d: %w", name, at.line, at.err)
		}
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, d.line, err)
		}
	}
	return texts, nil
}

func readBounded(fsys fs.FS, name string) ([]byte, error) {
	file, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxFile {
		return nil, fmt.Errorf("%s has more than %d MiB: split it", name, maxFile>>20)
	}
	return text, nil
}

// Entries implements [Side].
func (f *files) Entries(context.Context) iter.Seq2[manifests.Entry, error] {
	return func(yield func(manifests.Entry, error) bool) {
		for _, w := range f.at {
			if !yield(w.entry, nil) {
				return
			}
		}
	}
}

func (f *files) level() manifests.Level { return f.opts.Level }

func (f *files) place(key manifests.Key) string { return f.at[key].String() }

// written gives an object in canonical form as far as that can be told without a server.
func (f *files) written(_ context.Context, e manifests.Entry) ([]byte, manifests.Class, error) {
	o, err := f.one(e.Key)
	if err != nil {
		return nil, "", err
	}
	canonical, err := manifests.Canonical(o.json, o.resource, f.opts.Level)
	if err != nil {
		return nil, "", fmt.Errorf("%v: %w", f.at[e.Key], err)
	}
	return canonical.YAML, e.Class, nil
}

// Object implements [Side].
func (f *files) Object(ctx context.Context, e manifests.Entry) ([]byte, error) {
	if f.opts.Server == nil {
		text, _, err := f.written(ctx, e)
		return text, err
	}
	o, err := f.one(e.Key)
	if err != nil {
		return nil, err
	}
	applied, err := f.applied(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("%v: %w", f.at[e.Key], err)
	}
	return applied, nil
}
