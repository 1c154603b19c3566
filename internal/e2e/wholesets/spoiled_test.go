package wholesets

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/clustersnap/clustersnap"
	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/manifests/tree"
)

// unpackedTree reads the objects of a set.
func unpackedTree(s *scene, set *clustersnap.Set) *tree.Saved {
	s.Helper()
	root, err := os.OpenRoot(s.TempDir())
	must(s, err)
	s.Cleanup(func() { root.Close() })
	must(s, tree.Unpack(root, unpacked(s, set, "manifests.tar.zst")))
	saved, err := tree.Read(root.FS())
	must(s, err)
	return saved
}

// lacking holds that a backup was made, lacks what is said, and can be restored from.
func (s *scene) lacking(o command.Outcome, file string, says ...string) result {
	s.Helper()
	command.Bad(s, o, 1, append(says, "degraded: ", "the set is at "+file+", and can be restored")...)
	said := read[result](s, s.open(file), "result.json")
	if said.Verdict != "degraded" || len(said.Reasons) == 0 {
		s.Errorf("the result is %+v", said)
	}
	o = command.Good(s, command.Run(s, "", "verify", file, "--identity", s.key))
	if !strings.Contains(o.Stdout, "backup    degraded when it was made, ") {
		s.Errorf("verify says\n%s", o.Stdout)
	}
	return said
}

// seesLess is asked with credentials that may not list Secrets.
func seesLess(s *scene) {
	roles, accounts := s.bed.Client.RbacV1(), s.bed.Client.CoreV1().ServiceAccounts("shop")
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "blind"}}
	_, err := accounts.Create(s.ctx, account, metav1.CreateOptions{})
	must(s, err)
	role := rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "view"}
	_, err = roles.ClusterRoleBindings().Create(s.ctx, &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "blind"}, RoleRef: role,
		Subjects: []rbacv1.Subject{{Kind: "ServiceAccount", Name: "blind", Namespace: "shop"}},
	}, metav1.CreateOptions{})
	must(s, err)
	file := s.accountConf("shop", "blind")
	o, set := s.backup("--kubeconfig", file)
	said := s.lacking(o, set, "could not be listed")
	if said.Credentials != file || !slices.ContainsFunc(said.NotSaved, func(u struct{ What, Namespace, Name, Why string }) bool {
		return u.What == "kind" && strings.Contains(u.Name, "secrets")
	}) {
		s.Errorf("by %s it lacks %+v", said.Credentials, said.NotSaved)
	}
}

var (
	definitions = schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}
	ghosts      = schema.GroupVersionResource{Group: "sets.example.com", Version: "v1", Resource: "ghosts"}
)

// hidden has a custom resource that no version serves.
func hidden(s *scene) {
	definition := map[string]any{
		"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
		"metadata": map[string]any{"name": "ghosts.sets.example.com"},
		"spec": map[string]any{
			"group": ghosts.Group, "scope": "Namespaced",
			"names": map[string]any{"plural": "ghosts", "singular": "ghost", "kind": "Ghost", "listKind": "GhostList"},
			"versions": []any{map[string]any{"name": "v1", "served": true, "storage": true,
				"schema": map[string]any{"openAPIV3Schema": map[string]any{"type": "object"}}}},
		},
	}
	_, err := s.bed.Dynamic.Resource(definitions).Create(s.ctx, &unstructured.Unstructured{Object: definition}, metav1.CreateOptions{})
	must(s, err)
	ghost := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "sets.example.com/v1", "kind": "Ghost", "metadata": map[string]any{"name": "lost"},
	}}
	for { // until it is served
		if _, err = s.bed.Dynamic.Resource(ghosts).Namespace("shop").Create(s.ctx, ghost, metav1.CreateOptions{}); err == nil {
			break
		}
		must(s, context.Cause(s.ctx))
	}
	_, err = s.bed.Dynamic.Resource(definitions).Patch(s.ctx, "ghosts.sets.example.com", types.JSONPatchType,
		[]byte(`[{"op":"replace","path":"/spec/versions/0/served","value":false}]`), metav1.PatchOptions{})
	must(s, err)

	o, set := s.backup()
	said := s.lacking(o, set, "the proof of completeness: ", "1 unsaved")
	if !slices.ContainsFunc(said.NotSaved, func(u struct{ What, Namespace, Name, Why string }) bool {
		return u.What == "Ghost" && u.Namespace == "shop" && u.Name == "lost"
	}) {
		s.Errorf("it lacks %+v", said.NotSaved)
	}
	must(s, s.bed.Dynamic.Resource(definitions).Delete(s.ctx, "ghosts.sets.example.com", metav1.DeleteOptions{}))
}

// otherCluster has the etcd of a demonstration beside the API server of the node: such a set would be of nothing.
func otherCluster(s *scene) {
	root := filepath.Join(s.TempDir(), "demo")
	demo := exec.Command(command.Path(s), "demo", "--serve", root, "--objects", "10")
	up, err := demo.StdoutPipe()
	must(s, err)
	wait, err := s.node.Start(demo)
	must(s, err)
	defer wait()
	defer demo.Process.Signal(os.Interrupt)
	_, err = up.Read(make([]byte, 1)) // its line says that it is up
	must(s, err)
	set := filepath.Join(s.TempDir(), "set")
	o := command.RunOn(s, s.node, "backup", "--root", root, "--kubeconfig", s.node.Kubeconfig(), "--to", set, "--recipient", s.recipient)
	command.Bad(s, o, 1, "another cluster", "give its own --kubeconfig")
	if _, err := os.Lstat(set); err == nil {
		s.Error("there is a set")
	}
}

// noAPI has an etcd alone, when a backup is wanted most.
func noAPI(s *scene) {
	config, err := clientcmd.LoadFromFile(s.node.Kubeconfig())
	must(s, err)
	for _, cluster := range config.Clusters {
		cluster.Server = "https://" + s.node.Address + ":1"
	}
	file := filepath.Join(s.TempDir(), "down.conf")
	must(s, clientcmd.WriteToFile(*config, file))
	o, set := s.backup("--kubeconfig", file)
	s.lacking(o, set, "objects: ", "connection refused")
	o, set = s.backup("--etcd-only")
	command.Good(s, o)
	if said := read[result](s, s.open(set), "result.json"); said.Verdict != "good" || said.Objects != 0 {
		s.Errorf("etcd alone is %+v", said)
	}

	// Without the manifest, nobody knows of the keys that values in etcd are encrypted with.
	manifest := filepath.Join(s.node.Root, "etc/kubernetes/manifests/kube-apiserver.yaml")
	must(s, os.Rename(manifest, filepath.Join(s.TempDir(), "kube-apiserver.yaml")))
	o, set = s.backup("--etcd-only")
	s.lacking(o, set, "the files of the backup do not belong to its snapshot: encryption-config: ")
}
