package demonode

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/scheme"
)

// The scheme of client-go is the judge: it must read each value, and the object must belong to its key.
func TestStoredObjectsDecode(t *testing.T) {
	resources := map[string]string{
		"Namespace": "namespaces", "ServiceAccount": "serviceaccounts", "ConfigMap": "configmaps", "Secret": "secrets",
		"Deployment": "deployments", "Service": "services/specs", "ClusterRole": "clusterroles", "Pod": "pods",
	}
	_, client := start(t, 400)
	page, err := client.Get(t.Context(), "", clientv3.WithFromKey())
	if err != nil {
		t.Fatal(err)
	}
	if len(page.Kvs) != 400 {
		t.Errorf("etcd holds %d objects, want 400", len(page.Kvs))
	}
	sizes := map[string][]int{}
	uids := map[types.UID]bool{}
	for _, pair := range page.Kvs {
		if !strings.HasPrefix(string(pair.Value), "k8s\x00") {
			t.Errorf("%s is not in storage encoding", pair.Key)
		}
		object, gvk, err := scheme.Codecs.UniversalDeserializer().Decode(pair.Value, nil, nil)
		if err != nil {
			t.Fatalf("decode %s: %v", pair.Key, err)
		}
		accessor, err := meta.Accessor(object)
		if err != nil {
			t.Fatal(err)
		}
		key := "/registry/" + resources[gvk.Kind] + "/"
		if accessor.GetNamespace() != "" {
			key += accessor.GetNamespace() + "/"
		}
		if key += accessor.GetName(); key != string(pair.Key) {
			t.Errorf("%s holds the object of %s", pair.Key, key)
		}
		uids[accessor.GetUID()] = true
		sizes[gvk.Kind] = append(sizes[gvk.Kind], len(pair.Value))
	}
	if len(uids) != 400 {
		t.Errorf("400 objects have %d UIDs", len(uids))
	}
	if got, want := slices.Sorted(maps.Keys(sizes)), slices.Sorted(maps.Keys(resources)); !slices.Equal(got, want) {
		t.Errorf("kinds %v, want %v", got, want)
	}
	if pods := sizes["Pod"]; slices.Min(pods) < 3<<10 || slices.Max(pods) > 8<<10 {
		t.Errorf("pods of %d to %d bytes, want 3 to 8 KiB", slices.Min(pods), slices.Max(pods))
	}
	if maps := sizes["ConfigMap"]; slices.Max(maps) < 20<<10 {
		t.Errorf("the largest ConfigMap has %d bytes, want 20 KiB", slices.Max(maps))
	}
}

func TestObjectsHaveAPast(t *testing.T) {
	_, client := start(t, 400)
	records, err := Dump(t.Context(), client)
	if err != nil {
		t.Fatal(err)
	}
	versions := map[int64]int{}
	for _, record := range records {
		versions[record.Version]++
	}
	// 134 numbers below 400 are multiples of three, 67 of them even.
	if want := map[int64]int{1: 266, 3: 67, 4: 67}; !maps.Equal(versions, want) {
		t.Errorf("objects by version %v, want %v", versions, want)
	}
	now, err := client.Get(t.Context(), "", clientv3.WithFromKey(), clientv3.WithCountOnly())
	if err != nil {
		t.Fatal(err)
	}
	before, err := client.Get(t.Context(), "", clientv3.WithFromKey(), clientv3.WithCountOnly(), clientv3.WithRev(now.Header.Revision-1))
	if err != nil {
		t.Fatal(err)
	}
	if now.Count != 400 || before.Count != 440 {
		t.Errorf("%d objects, and %d before the last revision; want 400 and 440", now.Count, before.Count)
	}
}

// Two runs store the same bytes, and no two runs store the same secret.
func TestObjectsAreDeterministic(t *testing.T) {
	for i := range 100 {
		key, value, err := object(i, 1)
		if err != nil {
			t.Fatal(err)
		}
		again, same, err := object(i, 1)
		if err != nil {
			t.Fatal(err)
		}
		if secret := strings.HasPrefix(key, "/registry/secrets/"); again != key || (same == value) == secret {
			t.Errorf("%s: a second making gave %s, same value: %t", key, again, same == value)
		}
		if edited, other, err := object(i, 2); err != nil || edited != key || other == value {
			t.Errorf("%s: an edit gave %s, same value: %t, %v", key, edited, other == value, err)
		}
	}
}

func TestPutConfigMap(t *testing.T) {
	node, client := start(t, 0)
	for _, want := range []string{"first", "second"} {
		if err := node.PutConfigMap(t.Context(), "shop", "motd", map[string]string{"text": want}); err != nil {
			t.Fatal(err)
		}
		got, err := client.Get(t.Context(), "/registry/configmaps/shop/motd")
		if err != nil || len(got.Kvs) != 1 {
			t.Fatalf("the key is not there: %v, %v", got, err)
		}
		object, _, err := scheme.Codecs.UniversalDeserializer().Decode(got.Kvs[0].Value, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		if data := object.(*corev1.ConfigMap).Data; fmt.Sprint(data) != "map[text:"+want+"]" {
			t.Errorf("data %v, want %s", data, want)
		}
	}
}
