package proofs

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"github.com/clustersnap/clustersnap/internal/e2e/bed"
	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/tree"
)

var (
	configMaps  = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
	secrets     = schema.GroupVersionResource{Version: "v1", Resource: "secrets"}
	definitions = schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}
	ghosts      = schema.GroupVersionResource{Group: "proofs.example.com", Version: "v1", Resource: "ghosts"}
)

// scene is a cluster in which something is wrong.
type scene struct {
	*testing.T
	ctx    context.Context
	node   *bed.Node
	client dynamic.Interface
	prefix string
	dir    string // of the last tree
	saved  *tree.Saved
	last   string // a snapshot after it
	uids   map[string]string
}

func newScene(t *testing.T, opts bed.Options) *scene {
	t.Helper()
	s := &scene{T: t, ctx: stuck(t), prefix: cmp.Or(opts.EtcdPrefix, "/registry"), uids: map[string]string{}}
	s.node = bed.ControlPlane(t, opts)
	s.client = s.node.Dynamic(t)
	return s
}

// part runs a part of the test in the scene. It has a time of its own: all of them together may take longer than what is stuck
// is given, on a machine that has other things to do.
func (s *scene) part(name string, do func(*scene)) {
	s.Run(name, func(t *testing.T) {
		part := *s
		part.T, part.ctx = t, stuck(t)
		do(&part)
	})
}

// create makes an object in the namespace default.
func (s *scene) create(of schema.GroupVersionResource, kind, name string) {
	s.Helper()
	o := &unstructured.Unstructured{}
	o.SetAPIVersion(of.GroupVersion().String())
	o.SetKind(kind)
	o.SetName(name)
	made, err := s.client.Resource(of).Namespace("default").Create(s.ctx, o, metav1.CreateOptions{})
	must(s, err)
	s.uids[name] = string(made.GetUID())
}

func (s *scene) remove(name string) {
	s.Helper()
	must(s, s.client.Resource(configMaps).Namespace("default").Delete(s.ctx, name, metav1.DeleteOptions{}))
}

// change writes an object again.
func (s *scene) change(name string) {
	s.Helper()
	_, err := s.client.Resource(configMaps).Namespace("default").Patch(s.ctx, name, types.MergePatchType,
		[]byte(`{"data":{"a":"b"}}`), metav1.PatchOptions{})
	must(s, err)
}

// hide stores a custom resource of a kind that no version serves then.
func (s *scene) hide(name string) {
	s.Helper()
	definition := map[string]any{
		"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
		"metadata": map[string]any{"name": "ghosts.proofs.example.com"},
		"spec": map[string]any{
			"group": ghosts.Group, "scope": "Namespaced",
			"names": map[string]any{"plural": "ghosts", "singular": "ghost", "kind": "Ghost", "listKind": "GhostList"},
			"versions": []any{map[string]any{"name": "v1", "served": true, "storage": true,
				"schema": map[string]any{"openAPIV3Schema": map[string]any{"type": "object"}}}},
		},
	}
	_, err := s.client.Resource(definitions).Create(s.ctx, &unstructured.Unstructured{Object: definition}, metav1.CreateOptions{})
	must(s, err)
	s.await(func() bool {
		_, err := s.client.Resource(ghosts).List(s.ctx, metav1.ListOptions{Limit: 1})
		return err == nil
	})
	s.create(ghosts, "Ghost", name)
	_, err = s.client.Resource(definitions).Patch(s.ctx, "ghosts.proofs.example.com", types.JSONPatchType,
		[]byte(`[{"op":"replace","path":"/spec/versions/0/served","value":false}]`), metav1.PatchOptions{})
	must(s, err)
	cluster, err := manifests.NewCluster(s.node.RESTConfig(s))
	must(s, err)
	s.await(func() bool {
		all, _, err := cluster.Resources(s.ctx)
		must(s, err)
		for _, r := range all {
			if r.Group == ghosts.Group {
				return false
			}
		}
		return true
	})
}

// await asks until it is so, or the test has taken too long.
func (s *scene) await(so func() bool) {
	s.Helper()
	for !so() {
		must(s, context.Cause(s.ctx))
	}
}

// policy is where a policy of an API that was removed in 1.25 would be.
func (s *scene) policy(name string) string { return s.prefix + "/podsecuritypolicy/" + name }

// plant writes such a policy, as the API server has left it.
func (s *scene) plant(name string) {
	s.Helper()
	raw, err := (&metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: name, UID: "uid-of-policy"}}).Marshal()
	must(s, err)
	of := runtime.TypeMeta{APIVersion: "policy/v1beta1", Kind: "PodSecurityPolicy"}
	value, err := (&runtime.Unknown{TypeMeta: of, Raw: raw}).Marshal()
	must(s, err)
	_, err = s.node.EtcdClient(s).Put(s.ctx, s.policy(name), "k8s\x00"+string(value))
	must(s, err)
}

// erase deletes a key behind the API server's back.
func (s *scene) erase(key string) {
	s.Helper()
	gone, err := s.node.EtcdClient(s).Delete(s.ctx, key)
	must(s, err)
	if gone.Deleted != 1 {
		s.Fatalf("there was no key %s", key)
	}
}

// compact forgets all history up to now.
func (s *scene) compact() {
	s.Helper()
	client := s.node.EtcdClient(s)
	now, err := client.Get(s.ctx, "any")
	must(s, err)
	_, err = client.Compact(s.ctx, now.Header.Revision, clientv3.WithCompactPhysical())
	must(s, err)
}

// restart gives kube-apiserver one more flag.
func (s *scene) restart(flag string) {
	s.Helper()
	file := filepath.Join(s.node.Root, "etc/kubernetes/manifests/kube-apiserver.yaml")
	text, err := os.ReadFile(file)
	must(s, err)
	const first = "    - --etcd-servers="
	edited := strings.Replace(string(text), first, "    - "+flag+"\n"+first, 1)
	before, _ := s.node.Pods.State("kube-apiserver")
	must(s, os.WriteFile(file, []byte(edited), 0o600))
	must(s, s.node.Pods.Wait(s.ctx, "kube-apiserver", func(now bed.State, _ bool) bool {
		return now.PID != 0 && now.PID != before.PID
	}))
	must(s, s.node.WaitAPI(s.ctx))
}
