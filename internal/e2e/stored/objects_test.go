package stored

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/clustersnap/clustersnap/internal/e2e/bed"
	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/storage"
)

// otherwise are the kinds whose objects are stored in another form than the API server shows first, and why.
var otherwise = map[string]string{
	"clustertrustbundles.certificates.k8s.io": "stored at v1beta1, so that 1.36 can read it, and shown at v1",
	"devicetaintrules.resource.k8s.io":        "stored at v1beta2, so that 1.36 can read it, and shown at v1",
}

// minKinds is how many kinds have objects in the cluster that are stored as they are shown.
const minKinds = 62

// TestStored holds all that a cluster has against what its etcd has at the same revision.
func TestStored(t *testing.T) {
	t.Parallel()
	node := cluster(t, bed.Options{})
	t.Run("objects", func(t *testing.T) {
		for _, level := range []manifests.Level{manifests.Portable, manifests.Faithful} {
			p := dumpBoth(t, node, manifests.Options{Level: level}, storage.Options{Level: level}, storage.Selection{})
			p.wholeCluster(t)
			p.outcomes(t)
		}
	})
	t.Run("selection", func(t *testing.T) { selections(t, node) })
	t.Run("tree", func(t *testing.T) { trees(t, node) })
	t.Run("older program", func(t *testing.T) { older(t, node) })
}

// TestStoredElsewhere is that with Secrets encrypted, below another prefix.
func TestStoredElsewhere(t *testing.T) {
	t.Parallel()
	const prefix = "/other/one"
	node := cluster(t, bed.Options{Encryption: true, EtcdPrefix: prefix})
	config, err := os.ReadFile(filepath.Join(node.Root, bed.EncryptionConfig))
	must(t, err)
	t.Run("with the configuration", func(t *testing.T) {
		p := dumpBoth(t, node, manifests.Options{}, storage.Options{Prefix: prefix, Encryption: config}, storage.Selection{})
		p.wholeCluster(t)
		p.outcomes(t)
	})
	t.Run("without", func(t *testing.T) { encrypted(t, node, prefix) })
	t.Run("with the wrong prefix", func(t *testing.T) {
		p := dumpBoth(t, node, manifests.Options{}, storage.Options{}, storage.Selection{})
		if o := p.offline.Missing(); len(o) != 1 || !strings.Contains(o[0].Why, "another --etcd-prefix") {
			t.Errorf("%v", p.offline.Outcomes)
		}
	})
}

// encrypted holds that Secrets are named, and all else is there.
func encrypted(t *testing.T, node *bed.Node, prefix string) {
	failed := 0
	p := dumpBoth(t, node, manifests.Options{}, storage.Options{Prefix: prefix}, storage.Selection{
		Failed: func(kv *mvccpb.KeyValue, err error) {
			failed++
			if !strings.Contains(err.Error(), `the value is encrypted by secretbox with key "key1"`) {
				t.Errorf("%s: %v", kv.Key, err)
			}
		},
	})
	secrets := 0
	for key := range p.live.objects {
		if key.Resource == "secrets" {
			delete(p.live.objects, key)
			secrets++
		}
	}
	if same, _ := p.objects(t); failed != secrets || len(same) < minKinds-1 {
		t.Errorf("%d keys failed, of %d Secrets, beside %d kinds", failed, secrets, len(same))
	}
	missing := p.offline.Missing()
	if len(missing) != 1 || !strings.Contains(missing[0].Why, "EncryptionConfiguration") {
		t.Errorf("missing %v", missing)
	}
}

// pair is a cluster and its etcd at one revision.
type pair struct {
	live, stored    kept
	online, offline *manifests.Report
}

func dumpBoth(t *testing.T, node *bed.Node, opts manifests.Options, with storage.Options, s storage.Selection) *pair {
	t.Helper()
	var p pair
	var err error
	online, snapshot := live(t, node, &p.live, opts)
	decoder, v := view(t, snapshot, online.Instant, with)
	p.online = online
	p.offline, err = decoder.Dump(stuck(t), v.Keys(stuck(t)), online.Instant, &p.stored, s)
	must(t, err)
	return &p
}

// wholeCluster holds that both have the same objects of nearly all kinds.
func (p *pair) wholeCluster(t *testing.T) {
	t.Helper()
	same, other := p.objects(t)
	t.Logf("%d kinds are stored as they are shown; of %d objects all but those of %q", len(same), len(p.live.objects),
		slices.Sorted(maps.Keys(other)))
	if len(same) < minKinds || len(other) != len(otherwise) {
		t.Errorf("%d kinds are stored as they are shown, want %d and more; otherwise are %v, want %v",
			len(same), minKinds, other, otherwise)
	}
}

// objects holds that both have the same objects, to the byte, but for some kinds, and gives the kinds.
func (p *pair) objects(t *testing.T) (same, other map[string]bool) {
	t.Helper()
	same, other = map[string]bool{}, map[string]bool{}
	for key, shown := range p.live.objects {
		of := manifests.Resource{Group: key.Group, Resource: key.Resource}.String()
		stored := p.stored.objects[key]
		switch {
		case stored == nil:
			t.Errorf("%v is not in etcd", key)
		case otherwise[of] != "":
			other[of] = true
			if stored.Version == shown.Version || stored.UID != shown.UID || stored.ResourceVersion != shown.ResourceVersion {
				t.Errorf("%v is stored as %+v and shown as %+v", key, stored.Entry, shown.Entry)
			}
		case stored.Entry != shown.Entry || !bytes.Equal(stored.YAML, shown.YAML):
			t.Errorf("%v is stored as %+v\n%s\nand shown as %+v\n%s", key, stored.Entry, stored.YAML, shown.Entry, shown.YAML)
		default:
			same[of] = true
			if removed := shownBeside(shown.Removed); !slices.Equal(stored.Removed, removed) {
				t.Errorf("of %v as stored %q were taken out, as shown %q", key, stored.Removed, removed)
			}
		}
	}
	for key := range p.stored.objects {
		if p.live.objects[key] == nil && key.Resource != unserved {
			t.Errorf("only etcd has %v", key)
		}
	}
	return same, other
}

// shownBeside are the fields that were taken out of an object as shown, without the one that is not stored.
func shownBeside(removed []string) []string {
	return slices.DeleteFunc(slices.Clone(removed), func(path string) bool { return path == "metadata.resourceVersion" })
}

// unserved is the resource of the corpus that no version serves.
const unserved = "secrecies"

// outcomes holds that the reports say the same of each resource that is listed.
func (p *pair) outcomes(t *testing.T) {
	t.Helper()
	type at struct{ resource, namespace string }
	offline := map[at]manifests.Outcome{}
	for _, o := range p.offline.Outcomes {
		offline[at{o.Resource.String(), o.Namespace}] = o
	}
	if len(offline) != len(p.offline.Outcomes) {
		t.Errorf("%d outcomes of %d resources", len(p.offline.Outcomes), len(offline))
	}
	for _, shown := range p.online.Outcomes {
		stored := offline[at{shown.Resource.String(), shown.Namespace}]
		if shown.State != manifests.Listed && shown.State != manifests.SameObjects {
			continue
		}
		if otherwise[shown.Resource.String()] != "" {
			stored.Version = shown.Version
		}
		if stored != shown {
			t.Errorf("the outcome is %+v, live %+v", stored, shown)
		}
	}
	if missing := p.offline.Missing(); len(missing) > 0 || p.offline.Objects != len(p.stored.objects) {
		t.Errorf("missing %v; %d objects of %d", missing, p.offline.Objects, len(p.stored.objects))
	}
}

// selections holds that both select the same.
func selections(t *testing.T, node *bed.Node) {
	exclude := func(r manifests.Resource) bool { return r.Group == "apps" || r.Resource == "events" }
	for name, opts := range map[string]manifests.Options{
		"a namespace": {Namespaces: []string{"corpus"}},
		"two":         {Namespaces: []string{"kube-system", "corpus", "corpus"}},
		"labels":      {LabelSelector: "app"},
		"not labels":  {LabelSelector: "!kubernetes.io/bootstrapping,app notin (x)"},
		"classes":     {Classes: []manifests.Class{manifests.User, manifests.Completed}},
		"resources":   {Exclude: exclude},
		"all of them": {
			Namespaces: []string{"corpus"}, LabelSelector: "app", Classes: []manifests.Class{manifests.Generated}, Exclude: exclude,
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := dumpBoth(t, node, opts, storage.Options{}, storage.Selection{
				Namespaces: opts.Namespaces, LabelSelector: opts.LabelSelector, Classes: opts.Classes, Exclude: opts.Exclude,
			})
			same, _ := p.objects(t)
			p.outcomes(t)
			t.Logf("%d objects of %d kinds", len(p.live.objects), len(same))
			if len(p.live.objects) == 0 {
				t.Error("nothing was selected")
			}
		})
	}
}
