package pkipairs

import (
	"bytes"
	"context"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/kubernetes"

	"github.com/clustersnap/clustersnap/internal/atrest"
	"github.com/clustersnap/clustersnap/internal/e2e/bed"
	"github.com/clustersnap/clustersnap/internal/e2e/nodebundle"
	"github.com/clustersnap/clustersnap/internal/e2e/ondisk"
	"github.com/clustersnap/clustersnap/internal/e2e/trial"
	"github.com/clustersnap/clustersnap/pkibundle"
	"github.com/clustersnap/clustersnap/pkibundle/pair"
)

var must = trial.Must

// A bundle of a real node, and one snapshot of its etcd: they match, and with one file exchanged for that of another
// cluster, or one key for another, exactly the result that is about it does not.
func TestRealCluster(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute) // ends what hangs
	defer cancel()
	node, api := cluster(ctx, t)
	objects := snapshot(ctx, t, node)
	bundle := nodebundle.Collect(t, node.Root)
	everythingMatches(t, bundle, objects)

	other := otherCluster(ctx, t, node)
	for _, x := range []struct {
		name    string
		change  edit
		subject pair.Subject
		why     string // of the one mismatch that says it
	}{
		{"cluster CA", other.exchange("etc/kubernetes/pki/ca.crt"), pair.ClusterCA,
			"etc/kubernetes/pki/ca.crt: another CA than in ConfigMap kube-public/cluster-info"},
		{"front proxy CA", other.exchange("etc/kubernetes/pki/front-proxy-ca.crt"), pair.FrontProxyCA, "requestheader-client-ca-file"},
		{"service account key", other.exchange("etc/kubernetes/pki/sa.pub"), pair.ServiceAccountKey, "default/robot-token"},
		{"private key of service accounts", other.exchange("etc/kubernetes/pki/sa.key"), pair.ServiceAccountKey,
			"etc/kubernetes/pki/sa.key is another key than in etc/kubernetes/pki/sa.pub"},
		{"name of the key for CBC", rename("cbc"), pair.EncryptionConfig, `secrets encrypted with aescbc under the name "cbc"`},
		{"name of the key for GCM", rename("gcm"), pair.EncryptionConfig, `configmaps encrypted with aesgcm under the name "gcm"`},
		{"name of the key for secretbox", rename("box"), pair.EncryptionConfig, `deployments.apps encrypted with secretbox under the name "box"`},
		{"key for CBC", rekey("cbc"), pair.EncryptionConfig, "the key of that name does not open it"},
		{"key for GCM", rekey("gcm"), pair.EncryptionConfig, "the key of that name does not open it"},
		{"key for secretbox", rekey("box"), pair.EncryptionConfig, "the key of that name does not open it"},
		{"key of before", rekey("key1"), pair.EncryptionConfig, `secrets encrypted with secretbox under the name "key1"`},
		{"no encryption configuration", drop(bed.EncryptionConfig), pair.EncryptionConfig, "the bundle has no encryption configuration"},
		{"data directory", replace("etc/kubernetes/manifests/etcd.yaml", "--data-dir=/var/lib/etcd", "--data-dir=/var/lib/etcd2"),
			pair.ClusterConfiguration, "etcd.local.dataDir"},
		{"upgrade", replace("etc/kubernetes/manifests/kube-apiserver.yaml", "kube-apiserver:v1.", "kube-apiserver:v2."),
			pair.ClusterConfiguration, "kubernetesVersion"},
	} {
		t.Run(x.name, func(t *testing.T) {
			changed := *bundle
			changed.Files = slices.Clone(bundle.Files)
			x.change(t, &changed)
			said := false
			for _, r := range with(t, &changed, objects) {
				// What can't be decrypted can't be compared, and is no mismatch.
				if r.Subject != x.subject && (r.State == pair.Mismatch || r.State != pair.Match && x.subject != pair.EncryptionConfig) {
					t.Errorf("also no match: %+v", r)
				}
				said = said || r.State == pair.Mismatch && strings.Contains(r.Why, x.why)
			}
			if !said {
				t.Errorf("no mismatch says %q: %+v", x.why, with(t, &changed, objects))
			}
		})
	}
	t.Run("groups of resources", func(t *testing.T) { sameGroups(t, api) })
}

func everythingMatches(t *testing.T, bundle *pkibundle.Bundle, objects map[string][]byte) {
	t.Helper()
	count := map[pair.Subject]int{}
	var all strings.Builder
	for _, r := range with(t, bundle, objects) {
		count[r.Subject]++
		all.WriteString(r.Why + "\n")
		if r.State != pair.Match {
			t.Errorf("%+v", r)
		}
	}
	want := map[pair.Subject]int{pair.ClusterCA: 3, pair.FrontProxyCA: 1, pair.EncryptionConfig: 5,
		pair.ServiceAccountKey: 1, pair.ClusterConfiguration: 5}
	if !maps.Equal(count, want) {
		t.Errorf("the subjects are %v, want %v\n%s", count, want, &all)
	}
	for _, says := range []string{
		`of secrets encrypted with secretbox under the name "key1"`, `of secrets encrypted with aescbc under the name "cbc"`,
		`of configmaps encrypted with aesgcm under the name "gcm"`, `of deployments.apps encrypted with secretbox under the name "box"`,
		`of replicasets.apps encrypted with secretbox under the name "box"`, `1 token of service accounts`, `, and so in all of`,
	} {
		if !strings.Contains(all.String(), says) {
			t.Errorf("no result says %q:\n%s", says, &all)
		}
	}
}

// with runs the pairing, and holds that it shows nothing of what is secret.
func with(t *testing.T, bundle *pkibundle.Bundle, objects map[string][]byte) []pair.Result {
	t.Helper()
	results := pair.With(bundle, func(yield func(key, value []byte) bool) {
		for _, key := range slices.Sorted(maps.Keys(objects)) {
			if !yield([]byte(key), bytes.Clone(objects[key])) {
				return
			}
		}
	})
	for _, f := range bundle.With("encryption-config") {
		for _, secret := range secretOfKey.FindAllSubmatch(f.Data, -1) {
			for _, r := range results {
				if strings.Contains(r.Why, string(secret[1])) {
					t.Errorf("a key is in %q", r.Why)
				}
			}
		}
	}
	return results
}

var secretOfKey = regexp.MustCompile(`secret: ([^}]+)}`)

// snapshot saves one, and gives what it holds at its last revision.
func snapshot(ctx context.Context, t *testing.T, node *bed.Node) map[string][]byte {
	t.Helper()
	s := ondisk.Open(t, ondisk.Snapshot(t, node.EtcdClient(t)))
	objects := map[string][]byte{}
	for kv, err := range s.Range(ctx, "", 0) {
		must(t, err)
		objects[string(kv.Key)] = kv.Value
	}
	return objects
}

// pki is the root of another cluster, of which there are only the certificates.
type pki string

func otherCluster(ctx context.Context, t *testing.T, node *bed.Node) pki {
	t.Helper()
	root := t.TempDir()
	must(t, os.WriteFile(filepath.Join(root, "kubeadm.yaml"), []byte(read(t, writeKubeadmConfig(t, node))), 0o600))
	kubeadm(ctx, t, node, "init", "phase", "certs", "all", "--rootfs", root, "--config", "/kubeadm.yaml")
	return pki(root)
}

// edit is something done to a bundle.
type edit func(t *testing.T, b *pkibundle.Bundle)

// exchange puts the other cluster's file in the place of the node's.
func (p pki) exchange(path string) edit {
	return change(path, func(t *testing.T, _ string) string { return read(t, filepath.Join(string(p), path)) })
}

func change(path string, make func(t *testing.T, old string) string) edit {
	return func(t *testing.T, b *pkibundle.Bundle) {
		i := slices.IndexFunc(b.Files, func(f pkibundle.File) bool { return f.Path == path })
		changed := make(t, string(b.Files[i].Data))
		if changed == string(b.Files[i].Data) {
			t.Fatalf("%s is as it was", path)
		}
		b.Files[i].Data = []byte(changed)
	}
}

func replace(path, old, new string) edit {
	return change(path, func(_ *testing.T, text string) string { return strings.ReplaceAll(text, old, new) })
}

func rename(key string) edit {
	return replace(bed.EncryptionConfig, "name: "+key+",", "name: other,")
}

// rekey gives a key another secret.
func rekey(key string) edit {
	return change(bed.EncryptionConfig, func(_ *testing.T, text string) string {
		secret := regexp.MustCompile("name: " + key + ", secret: [^}]+}")
		return secret.ReplaceAllString(text, "name: "+key+", secret: "+newKey()+"}")
	})
}

func drop(path string) edit {
	return func(_ *testing.T, b *pkibundle.Bundle) {
		b.Files = slices.DeleteFunc(b.Files, func(f pkibundle.File) bool { return f.Path == path })
	}
}

// sameGroups holds the groups of Kubernetes' own resources, which their keys do not have, against what kube-apiserver
// says.
func sameGroups(t *testing.T, api kubernetes.Interface) {
	_, lists, err := api.Discovery().ServerGroupsAndResources()
	must(t, err)
	held := 0
	for _, list := range lists {
		group, _, ok := strings.Cut(list.GroupVersion, "/")
		if !ok {
			group = ""
		}
		if group == "apiextensions.k8s.io" || group == "apiregistration.k8s.io" || group == "events.k8s.io" {
			continue // their keys have the group, or, of events, the core group's place
		}
		for _, r := range list.APIResources {
			if strings.Contains(r.Name, "/") || !slices.Contains(r.Verbs, "list") {
				continue
			}
			place := r.Name
			if place == "ingresses" {
				place = "ingress"
			}
			if got, ok := atrest.ResourceOf([]byte("/registry/"+place+"/default/x"), "/registry"); !ok || got.Group != group {
				t.Errorf("%s is of %q, kube-apiserver says of %q", r.Name, got.Group, group)
			}
			held++
		}
	}
	if held < 40 {
		t.Errorf("kube-apiserver has told of %d resources", held)
	}
}
