package tree_test

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/tree"
)

// cluster is what a dump would find: objects by key, and what becomes of the kinds that are not just listed.
type cluster struct {
	objects  map[manifests.Key]string
	kinds    map[[2]string]bool  // resource and group of those that are served
	outcomes []manifests.Outcome // instead of listed everywhere
	revision int
	selects  manifests.Selection
}

func key(s string) manifests.Key {
	kind, rest, _ := strings.Cut(s, "/")
	resource, group, _ := strings.Cut(kind, ".")
	name, namespace, _ := strings.Cut(rest, "@")
	return manifests.Key{Group: group, Resource: resource, Namespace: namespace, Name: name}
}

// newCluster has objects as in "deployments.apps/web@shop". The value is of their only field.
func newCluster(objects map[string]string) *cluster {
	c := &cluster{objects: map[manifests.Key]string{}, kinds: map[[2]string]bool{}}
	for k, v := range objects {
		c.set(k, v)
	}
	c.revision = 100
	return c
}

func (c *cluster) set(k, v string) {
	c.objects[key(k)] = v
	c.kinds[[2]string{key(k).Resource, key(k).Group}] = true
	c.revision++
}

func (c *cluster) delete(k string) { delete(c.objects, key(k)); c.revision++ }

// without gives a kind an outcome other than listed.
func (c *cluster) without(kind, namespace string, state manifests.State) {
	resource, group, _ := strings.Cut(kind, ".")
	c.outcomes = append(c.outcomes, manifests.Outcome{
		Resource:  manifests.Resource{Group: group, Version: "v1", Resource: resource, Kind: "X"},
		Namespace: namespace, State: state, Why: "because",
	})
}

func (c *cluster) instant() manifests.Instant {
	return manifests.Instant{ResourceVersion: fmt.Sprint(c.revision), ServerVersion: "v1.37.2"}
}

func object(k manifests.Key, value, revision string) *manifests.Object {
	text := fmt.Sprintf("apiVersion: v1\nkind: X\nmetadata:\n  name: %q\nvalue: %q\n", k.Name, value)
	if k.Group == "" && k.Resource == "secrets" {
		text = fmt.Sprintf("apiVersion: v1\ndata:\n  password: %s\nkind: Secret\nmetadata:\n  name: %s\n", value, k.Name)
	}
	sum := sha256.Sum256([]byte(text))
	return &manifests.Object{
		Entry: manifests.Entry{
			Key: k, Version: "v1", Kind: "X", UID: "uid of " + k.String(), ResourceVersion: revision, Class: manifests.User,
			Hash: hex.EncodeToString(sum[:]),
		},
		YAML: []byte(text),
	}
}

// dump hands on all objects whose kind is listed, and gives the report.
func (c *cluster) dump(to manifests.Receiver) (*manifests.Report, error) {
	if err := to.Begin(c.instant()); err != nil {
		return nil, err
	}
	report := &manifests.Report{Instant: c.instant(), Selection: c.selects, Outcomes: slices.Clone(c.outcomes)}
	byName := func(a, b [2]string) int { return slices.Compare(a[:], b[:]) }
	for _, kind := range slices.SortedFunc(maps.Keys(c.kinds), byName) {
		special := func(o manifests.Outcome) bool { return o.Resource.Resource == kind[0] && o.Group == kind[1] }
		if !slices.ContainsFunc(c.outcomes, special) {
			report.Outcomes = append(report.Outcomes, manifests.Outcome{
				Resource: manifests.Resource{Group: kind[1], Version: "v1", Resource: kind[0], Kind: "X"}, State: manifests.Listed,
			})
		}
	}
	for _, k := range slices.SortedFunc(maps.Keys(c.objects), manifests.Key.Compare) {
		listed := slices.ContainsFunc(report.Outcomes, func(o manifests.Outcome) bool {
			of := o.Group == k.Group && o.Resource.Resource == k.Resource
			return of && o.State == manifests.Listed && (o.Namespace == "" || o.Namespace == k.Namespace)
		})
		if !listed {
			continue
		}
		if err := to.Object(object(k, c.objects[k], fmt.Sprint(c.revision))); err != nil {
			return nil, err
		}
		report.Objects++
	}
	return report, nil
}

func (c *cluster) commit(to *tree.Tree) (tree.Changes, error) {
	report, err := c.dump(to)
	if err != nil {
		return tree.Changes{}, err
	}
	return to.Commit(report)
}

// into dumps the cluster into a directory.
func (c *cluster) into(t testing.TB, dir string, opts tree.Options) tree.Changes {
	t.Helper()
	changes, err := c.tryInto(t, dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	return changes
}

func (c *cluster) tryInto(t testing.TB, dir string, opts tree.Options) (changes tree.Changes, err error) {
	t.Helper()
	to, err := tree.Open(openRoot(t, dir), opts)
	if err != nil {
		return changes, err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	return c.commit(to)
}

func openRoot(t testing.TB, dir string) *os.Root {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return root
}

// files gives what git would see, each with its time: a file that was written anew counts as another.
func files(t testing.TB, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || name == ".clustersnap" {
			return cmp.Or(err, fs.SkipDir)
		}
		if entry.IsDir() {
			return nil
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		text, err := os.ReadFile(filepath.Join(dir, name))
		found[name] = info.ModTime().String() + "\n" + string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// holds makes sure that a tree reads as the cluster is, but for kept objects, which it gives.
func (c *cluster) holds(t testing.TB, dir string) (kept []string) {
	t.Helper()
	saved, err := tree.Read(os.DirFS(dir))
	if err != nil {
		t.Fatal(err)
	}
	missing := maps.Clone(c.objects)
	for e, err := range saved.Entries(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if at := saved.AsOf(e); at != "" {
			kept = append(kept, e.String()+" "+at)
		}
		text, err := saved.Object(context.Background(), e)
		if err != nil {
			t.Error(err)
		}
		v, ok := missing[e.Key]
		if !ok {
			if saved.AsOf(e) == "" {
				t.Errorf("%v is in the tree and not in the cluster", e.Key)
			}
			continue
		}
		delete(missing, e.Key)
		if want := object(e.Key, v, ""); string(text) != string(want.YAML) || e.Hash != want.Hash {
			t.Errorf("%v is %q, want %q", e.Key, text, want.YAML)
		}
	}
	for k := range missing {
		t.Errorf("%v is missing", k)
	}
	if saved.Seen().ResourceVersion != fmt.Sprint(c.revision) {
		t.Errorf("the tree is of %q, want %d", saved.Seen().ResourceVersion, c.revision)
	}
	return kept
}

func shop() *cluster {
	return newCluster(map[string]string{
		"deployments.apps/web@shop": "1", "deployments.apps/db@shop": "2", "deployments.apps/web@bank": "3",
		"configmaps/web@shop": "4", "namespaces/shop": "5",
		"clusterroles.rbac.authorization.k8s.io/My Role:*?<x>":               "6",
		"clusterroles.rbac.authorization.k8s.io/my role:*?<x>":               "7",
		"customresourcedefinitions.apiextensions.k8s.io/widgets.example.com": "8", "widgets.example.com/w@shop": "9",
	})
}
