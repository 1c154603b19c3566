package diff_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"iter"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/diff"
)

// resources are those of the tests.
var resources = []manifests.Resource{
	{Version: "v1", Resource: "configmaps", Kind: "ConfigMap", Namespaced: true},
	{Version: "v1", Resource: "secrets", Kind: "Secret", Namespaced: true},
	{Version: "v1", Resource: "services", Kind: "Service", Namespaced: true, Status: true},
	{Version: "v1", Resource: "namespaces", Kind: "Namespace", Status: true},
	{Group: "apps", Version: "v1", Resource: "deployments", Kind: "Deployment", Namespaced: true, Status: true},
	{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "clusterroles", Kind: "ClusterRole"},
	{Group: "example.org", Version: "v1", Resource: "things", Kind: "Thing", Namespaced: true},
}

// files is a side of one file, or of more after lines such as "== name.yaml".
func files(t testing.TB, text string) diff.Side {
	t.Helper()
	return filesWith(t, text, diff.FileOptions{})
}

func filesWith(t testing.TB, text string, opts diff.FileOptions) diff.Side {
	t.Helper()
	side, err := diff.Files(t.Context(), fsOf(text), diff.Kinds(resources), opts)
	if err != nil {
		t.Fatal(err)
	}
	return side
}

func fsOf(text string) fs.FS {
	fsys := fstest.MapFS{}
	name := "all.yaml"
	for part := range strings.SplitSeq(text, "== ") {
		if len(fsys) > 0 {
			name, part, _ = strings.Cut(part, "\n")
		}
		fsys[name] = &fstest.MapFile{Data: []byte(part)}
	}
	return fsys
}

// compare gives all changes of a comparison.
func compare(t testing.TB, a, b diff.Side, opts diff.Options) ([]*diff.Change, *diff.Summary) {
	t.Helper()
	var all []*diff.Change
	summary, err := diff.Compare(t.Context(), a, b, func(c *diff.Change) error {
		all = append(all, c)
		return nil
	}, opts)
	if err != nil {
		t.Fatal(err)
	}
	return all, summary
}

// said gives changes in short: one line for each, and one for each field.
func said(changes []*diff.Change) string {
	var b strings.Builder
	by := func(by diff.By) string {
		if by == "" {
			return ""
		}
		return " by " + string(by)
	}
	for _, c := range changes {
		fmt.Fprintf(&b, "%v %s%s", c.Key, c.What, by(c.By))
		if c.Why != "" {
			fmt.Fprintf(&b, ": %s", c.Why)
		}
		b.WriteString("\n")
		for _, f := range c.Fields {
			fmt.Fprintf(&b, "  %s %s%s", f.Path, f.What, by(f.By))
			for _, side := range []struct {
				name  string
				value any
			}{{"base", f.Base}, {"a", f.A}, {"b", f.B}} {
				if side.value != nil {
					text, err := json.Marshal(side.value)
					if err != nil {
						text = []byte(err.Error())
					}
					fmt.Fprintf(&b, " %s=%s", side.name, text)
				}
			}
			b.WriteString("\n")
		}
	}
	return b.String()
}

// wantSaid compares line by line, without indentation of want as a whole.
func wantSaid(t testing.TB, changes []*diff.Change, want string) {
	t.Helper()
	if got := said(changes); got != want {
		t.Errorf("the changes are\n%swant\n%s", got, want)
	}
}

// view is a side that is what it says, with all that entries can have.
type view struct {
	entries []manifests.Entry
	texts   map[manifests.Key]string // an object without one is gone since it was listed
	report  *manifests.Report
}

func (v *view) Entries(context.Context) iter.Seq2[manifests.Entry, error] {
	return func(yield func(manifests.Entry, error) bool) {
		for e := range slices.Values(v.entries) {
			if !yield(e, nil) {
				return
			}
		}
	}
}

func (v *view) Object(_ context.Context, e manifests.Entry) ([]byte, error) {
	if text, ok := v.texts[e.Key]; ok {
		return []byte(text), nil
	}
	return nil, fmt.Errorf("read %v: %w", e.Key, diff.ErrGone)
}

func (v *view) Seen() *manifests.Report { return v.report }

// add adds a ConfigMap.
func (v *view) add(e manifests.Entry, value string) *view {
	if v.texts == nil {
		v.texts = map[manifests.Key]string{}
	}
	e.Resource, e.Kind, e.Version = "configmaps", "ConfigMap", "v1"
	if e.Class == "" {
		e.Class = manifests.User
	}
	v.entries = append(v.entries, e)
	v.texts[e.Key] = fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: %s\ndata:\n  k: %q\n", e.Name, value)
	return v
}

// named is an entry of a name, a hash, a uid and a resource version.
func named(name, hash, uid, version string) manifests.Entry {
	return manifests.Entry{Key: manifests.Key{Name: name}, Hash: hash, UID: uid, ResourceVersion: version}
}
