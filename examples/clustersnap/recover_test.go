package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	"go.etcd.io/etcd/api/v3/mvccpb"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
	"k8s.io/apimachinery/pkg/types"

	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/diff"
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
	side := d.Versions(s, of)
	return &source{Observed: side, prefix: storage.DefaultPrefix, snapshot: &snapshot{}, at: side.EtcdKey}
}

// packed is an object at its key, as an API server stores it.
func packed(t *testing.T, key, kind string, o runtime.Object) [2]string {
	t.Helper()
	o.GetObjectKind().SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind(kind))
	var b bytes.Buffer
	if err := protobuf.NewSerializer(nil, nil).Encode(o, &b); err != nil {
		t.Fatal(err)
	}
	return [2]string{"/registry/" + key, b.String()}
}

// shop is a namespace with what people have made, and another with nothing.
func shop(t *testing.T) stored {
	meta := func(namespace, name string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Namespace: namespace, Name: name, UID: types.UID("u-" + namespace + name)}
	}
	pull := []corev1.LocalObjectReference{{Name: "registry"}}
	return stored{
		packed(t, "configmaps/shop/settings", "ConfigMap", &corev1.ConfigMap{ObjectMeta: meta("shop", "settings")}),
		packed(t, "namespaces/shop", "Namespace", &corev1.Namespace{ObjectMeta: meta("", "shop")}),
		packed(t, "serviceaccounts/bare/default", "ServiceAccount", &corev1.ServiceAccount{ObjectMeta: meta("bare", "default")}),
		packed(t, "serviceaccounts/shop/default", "ServiceAccount",
			&corev1.ServiceAccount{ObjectMeta: meta("shop", "default"), ImagePullSecrets: pull}),
	}
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
		from := shop(t).open(t, storage.Selection{})
		list, _, err := r.chosen(t.Context(), from)
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
	list, classes, err := r.named(t.Context(), shop(t).open(t, storage.Selection{}), []string{"sa/default"})
	if err != nil || len(list) != 1 || !slices.Contains(classes, manifests.User) {
		t.Errorf("%v is of classes %q, with error %v, want user", list, classes, err)
	}
}

// What is in no namespace is found whatever namespace is asked for.
func TestFindOutsideOfNamespaces(t *testing.T) {
	r := recovery{of: selection{namespaces: []string{"shop"}}}
	list, _, err := r.named(t.Context(), shop(t).open(t, storage.Selection{}), []string{"namespace/shop", "configmap/settings"})
	if err != nil || len(list) != 2 || list[0].Resource != "namespaces" || list[1].Resource != "configmaps" {
		t.Errorf("found are %v, with error %v", list, err)
	}
}

// What a source may have more of than it shows makes neither a list nor a recovery complete.
func TestIncompleteSources(t *testing.T) {
	secrets := manifests.Resource{Version: "v1", Resource: "secrets", Kind: "Secret", Namespaced: true}
	nodes := manifests.Resource{Version: "v1", Resource: "nodes", Kind: "Node"}
	report := &manifests.Report{Outcomes: []manifests.Outcome{
		{Resource: secrets, Namespace: "shop", State: manifests.Forbidden},
		{Resource: nodes, State: manifests.Failed, Why: "no answer"},
	}}
	const secret, node = "missing: secrets in shop: forbidden", "missing: nodes: failed: no answer"
	for _, c := range []struct {
		namespaces []string
		want       string
	}{
		{nil, secret + "\n" + node},
		{[]string{"shop"}, secret},
		{[]string{"bare"}, "<nil>"},
	} {
		from := &source{Observed: seenSide{shop(t).open(t, storage.Selection{}).Observed, report}}
		r := recovery{of: selection{namespaces: c.namespaces}}
		_, lost, err := r.chosen(t.Context(), from)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(lost); got != c.want {
			t.Errorf("in namespaces %q is missing %s, want %s", c.namespaces, got, c.want)
		}
	}
	deployments := named{"apps", "deployments", "Deployment"}
	for o, want := range map[manifests.Outcome]bool{
		{Resource: manifests.Resource{Group: "dead.example.com", Resource: "*"}}:            false,
		{Resource: manifests.Resource{Group: "apps", Resource: "*"}}:                        true,
		{Resource: manifests.Resource{Resource: "*"}}:                                       true,
		{Resource: manifests.Resource{Group: "apps", Resource: "deployments"}}:              true,
		{Resource: manifests.Resource{Group: "apps", Resource: "daemonsets"}}:               false,
		{Resource: manifests.Resource{Group: "other.example.com", Resource: "deployments"}}: false,
	} {
		if deployments.may(o) != want || o.Resource.Resource == "*" && !within([]string{"shop"}, o) {
			t.Errorf("of %v may be a deployment is %v, want %v", o, !want, want)
		}
	}
	strange := append(shop(t), [2]string{"/registry/nothing", "x"})
	_, lost, err := (&recovery{}).chosen(t.Context(), strange.open(t, storage.Selection{}))
	if err != nil || lost == nil || !strings.Contains(lost.Error(), "/registry/nothing") {
		t.Errorf("of a snapshot with a strange key is missing %v, with error %v", lost, err)
	}
}

// seenSide is a side with a report of its own, as that of a tree.
type seenSide struct {
	diff.Observed
	report *manifests.Report
}

func (s seenSide) Seen() *manifests.Report { return s.report }

// Nobody knows whether an object with labels that can't be read was meant.
func TestRecoverTellsOfLabelsThatCannotBeRead(t *testing.T) {
	from := &source{Observed: mislabelled{shop(t).open(t, storage.Selection{}).Observed}}
	r := recovery{of: selection{selector: "app=web"}}
	list := []manifests.Entry{{Key: manifests.Key{Resource: "configmaps", Name: "a"}, Class: manifests.User}}
	objects, err := r.read(t.Context(), from, list, []manifests.Class{manifests.User})
	if len(objects) != 0 || err == nil || !strings.Contains(err.Error(), "configmaps/a is not brought back: read its labels") {
		t.Errorf("read are %d objects, with error %v", len(objects), err)
	}
}

// mislabelled is a tree whose objects somebody has edited.
type mislabelled struct{ diff.Observed }

func (mislabelled) Object(context.Context, manifests.Entry) ([]byte, error) {
	return []byte("metadata: {labels: [app, web]}"), nil
}
