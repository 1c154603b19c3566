package bed

import (
	"bytes"
	"context"
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/clustersnap/clustersnap/internal/e2e/peers"
)

// create writes an object of the core group into the namespace default.
func create(ctx context.Context, t *testing.T, n *Node, resource, kind, name string, data map[string]any) error {
	t.Helper()
	at := schema.GroupVersionResource{Version: "v1", Resource: resource}
	_, err := n.Dynamic(t).Resource(at).Namespace("default").Create(ctx,
		&unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "v1", "kind": kind, "metadata": map[string]any{"name": name}, "data": data,
		}}, metav1.CreateOptions{})
	return err
}

// stored is the value of a key in etcd.
func stored(ctx context.Context, t *testing.T, client *clientv3.Client, key string) []byte {
	t.Helper()
	r, err := client.Get(ctx, key)
	must(t, err)
	if len(r.Kvs) != 1 {
		t.Fatalf("etcd has %d keys %s, want 1", len(r.Kvs), key)
	}
	return r.Kvs[0].Value
}

func TestControlPlane(t *testing.T) {
	const plain = "k8s\x00" // k8s.io/apimachinery/pkg/runtime/serializer/protobuf
	for _, c := range []struct {
		name    string
		options Options
		etcd    peers.Program
		prefix  string
		secret  string // how its value begins
	}{
		{"zero value", Options{}, peers.Etcd37, "/registry", plain},
		{"3.6, a prefix, scheduler", Options{EtcdVersion: "3.6", EtcdPrefix: "/other/one", Scheduler: true}, peers.Etcd36, "/other/one", plain},
		{"3.5, encryption", Options{EtcdVersion: "3.5", Encryption: true}, peers.Etcd35, "/registry", "k8s:enc:secretbox:v1:key1:"},
	} {
		t.Run(c.name, func(t *testing.T) {
			n, ctx := ControlPlane(t, c.options), stuck(t)
			client := n.EtcdClient(t)
			status, err := client.Status(ctx, EtcdEndpoint)
			must(t, err)
			if got := "etcd v" + status.Version; got != c.etcd.String() {
				t.Errorf("%s runs, want %s", got, c.etcd)
			}
			text := rand.Text()
			must(t, create(ctx, t, n, "configmaps", "ConfigMap", "seen", map[string]any{"text": text}))
			if v := stored(ctx, t, client, c.prefix+"/configmaps/default/seen"); !bytes.Contains(v, []byte(text)) {
				t.Errorf("etcd has %q, want it to contain %s", v, text)
			}
			must(t, create(ctx, t, n, "secrets", "Secret", "hidden", map[string]any{"text": "c2VjcmV0"}))
			if v := stored(ctx, t, client, c.prefix+"/secrets/default/hidden"); !bytes.HasPrefix(v, []byte(c.secret)) {
				t.Errorf("etcd has the Secret as %.30q, want %q first", v, c.secret)
			}
			// kube-controller-manager makes this one.
			must(t, poll(ctx, func(ctx context.Context) error {
				r, err := client.Get(ctx, c.prefix+"/serviceaccounts/default/default")
				if err == nil && r.Count == 0 {
					return os.ErrNotExist
				}
				return err
			}))
			files, err := filepath.Glob(n.manifest("*"))
			must(t, err)
			for _, file := range files {
				must(t, n.Pods.WaitRunning(ctx, strings.TrimSuffix(filepath.Base(file), ".yaml")))
			}
			if want := map[bool]int{false: 3, true: 4}[c.options.Scheduler]; len(files) != want {
				t.Errorf("static pods %q, want %d", files, want)
			}
		})
	}
}

func TestThreeMembers(t *testing.T) {
	n, ctx := ControlPlane(t, Options{Members: 3}), stuck(t)
	list, err := n.EtcdClient(t).MemberList(ctx)
	must(t, err)
	names := make(map[string]string)
	for _, m := range list.Members {
		if m.IsLearner {
			t.Errorf("%s is a learner", m.Name)
		}
		names[m.Name] = m.PeerURLs[0]
	}
	if len(n.Members) != 3 || len(names) != 3 {
		t.Fatalf("%d nodes, members %v, want 3 of each", len(n.Members), names)
	}
	for _, m := range n.Members {
		if want := "https://" + m.Address + ":2380"; names[m.Name] != want {
			t.Errorf("member %s is at %q, want %s", m.Name, names[m.Name], want)
		}
		out, err := m.Enter(t, "ip", "-oneline", "address").Output() // no thread of this process is in the node's network
		if err != nil || !strings.Contains(string(out), m.Address+"/") {
			t.Errorf("in the network of %s there is\n%s(%v)", m.Name, out, err)
		}
	}
	second, third := n.Members[1], n.Members[2]
	must(t, os.Remove(third.manifest("etcd")))
	must(t, third.Pods.WaitGone(ctx, "etcd"))
	must(t, create(ctx, t, n, "configmaps", "ConfigMap", "with-two", nil))
	stored(ctx, t, second.EtcdClient(t), "/registry/configmaps/default/with-two")
}

func TestOptionsAreChecked(t *testing.T) {
	for _, o := range []Options{{EtcdVersion: "3.4"}, {EtcdVersion: "v3.7"}, {Members: 2}, {Members: -1}} {
		if o.check() == nil {
			t.Errorf("%+v is taken", o)
		}
	}
}
