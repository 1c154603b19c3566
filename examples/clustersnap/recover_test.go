package main

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"testing"

	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/storage"
)

// stored is keys and values of an etcd, in the order of the keys.
type stored [][2]string

func (s stored) kv(i int) *mvccpb.KeyValue {
	return &mvccpb.KeyValue{Key: []byte(s[i][0]), Value: []byte(s[i][1]), CreateRevision: 2, ModRevision: 2, Version: 1}
}

func (s stored) Keys(context.Context) iter.Seq2[*mvccpb.KeyValue, error] {
	return func(yield func(*mvccpb.KeyValue, error) bool) {
		for i := range s {
			if !yield(s.kv(i), nil) {
				return
			}
		}
	}
}

func (s stored) Get(_ context.Context, key string) (*mvccpb.KeyValue, error) {
	for i := range s {
		if s[i][0] == key {
			return s.kv(i), nil
		}
	}
	return nil, errors.New("not found")
}

func (s stored) Revision() int64 { return 9 }

// open gives a source of what is stored.
func (s stored) open(t *testing.T, of storage.Selection) *source {
	t.Helper()
	d, err := storage.NewDecoder(storage.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	side := storage.Versions(s, d, of)
	return &source{seer: side, prefix: storage.DefaultPrefix, snapshot: &snapshot{}, at: side.EtcdKey}
}

// object is one as JSON, at its key.
func object(resource, kind, namespace, name, rest string) [2]string {
	key := "/registry/" + resource + "/"
	in := ""
	if namespace != "" {
		key += namespace + "/"
		in = `"namespace":"` + namespace + `",`
	}
	return [2]string{key + name, `{"apiVersion":"v1","kind":"` + kind + `","metadata":{` + in + `"name":"` + name +
		`","uid":"u-` + namespace + name + `"}` + rest + `}`}
}

var shop = stored{
	object("configmaps", "ConfigMap", "shop", "settings", ""),
	object("namespaces", "Namespace", "", "shop", ""),
	object("serviceaccounts", "ServiceAccount", "bare", "default", ""),
	object("serviceaccounts", "ServiceAccount", "shop", "default", `,"imagePullSecrets":[{"name":"registry"}]`),
}

// What people have added to the account of a namespace does not stand in metadata.
func TestRecoverTakesTheClassOfTheObject(t *testing.T) {
	for _, c := range []struct {
		class manifests.Class
		want  []string
	}{
		{manifests.User, []string{"shop", "settings -n shop", "default -n shop"}},
		{manifests.Bootstrap, []string{"default -n bare"}},
	} {
		var r recovery
		from := shop.open(t, storage.Selection{})
		list, err := r.chosen(t.Context(), from)
		if err != nil {
			t.Fatal(err)
		}
		objects, err := r.read(t.Context(), from, list, []manifests.Class{c.class})
		if err != nil || len(objects) != len(c.want) {
			t.Fatalf("of class %s are read %d objects, with error %v, want %q", c.class, len(objects), err, c.want)
		}
		for i, o := range objects {
			name, namespace, _ := strings.Cut(c.want[i], " -n ")
			in := namespace == "" || strings.Contains(string(o.Body), "\n  namespace: "+namespace+"\n")
			if o.Class != c.class || !in || !strings.Contains(string(o.Body), "\n  name: "+name+"\n") {
				t.Errorf("number %d is of class %s, want %s and %s:\n%s", i, o.Class, c.class, c.want[i], o.Body)
			}
		}
	}
}

// An object that is named comes back whatever its class is.
func TestRecoverTakesTheClassOfWhatIsNamed(t *testing.T) {
	r := recovery{of: selection{namespaces: []string{"shop"}}}
	list, classes, err := r.named(t.Context(), shop.open(t, storage.Selection{}), []string{"sa/default"})
	if err != nil || len(list) != 1 || !slices.Contains(classes, manifests.User) {
		t.Errorf("%v is of classes %q, with error %v, want user", list, classes, err)
	}
}
