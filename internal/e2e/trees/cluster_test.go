package trees

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/clustersnap/clustersnap/internal/e2e/bed"
	"github.com/clustersnap/clustersnap/internal/e2e/corpus"
	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/tree"
)

// One cluster, and what may come in between two dumps of it. Each part leaves the cluster as it can be dumped.
func TestTreeOfCluster(t *testing.T) {
	node, ctx := bed.ControlPlane(t, bed.Options{}), stuck(t)
	config := node.RESTConfig(t)
	made, err := corpus.Load(ctx, config)
	must(t, err)
	must(t, corpus.Settle(ctx, config, made))
	dir := t.TempDir()
	report, changes, err := dump(ctx, t, config, dir)
	must(t, err)
	if len(changes.Added) != report.Objects || reads(t, dir) != report.Objects {
		t.Errorf("%d files of %d objects", len(changes.Added), report.Objects)
	}
	t.Run("odd names", func(t *testing.T) { oddNames(t, dir) })
	t.Run("forbidden", func(t *testing.T) { forbidden(ctx, t, config, dir) })
	t.Run("no rights at all", func(t *testing.T) { noRights(ctx, t, config, dir) })
	t.Run("definition removed", func(t *testing.T) { definitionRemoved(ctx, t, config, dir) })
	t.Run("server dies", func(t *testing.T) { serverDies(ctx, t, node, dir) })
}

func oddNames(t *testing.T, dir string) {
	for _, name := range []string{"%4dy%20%52ole%3a%2a%3f%3cx%3e.yaml", "my%20role%3a%2a%3f%3cx%3e.yaml"} {
		if _, err := os.Stat(filepath.Join(dir, "cluster", "clusterroles.rbac.authorization.k8s.io", name)); err != nil {
			t.Error(err)
		}
	}
}

// as gives the configuration of a user who may list everything but these resources.
func as(ctx context.Context, t *testing.T, config *rest.Config, user string, but ...string) *rest.Config {
	t.Helper()
	cluster, err := manifests.NewCluster(config)
	must(t, err)
	resources, _, err := cluster.Resources(ctx)
	must(t, err)
	role := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: user}}
	for _, r := range resources {
		if !slices.Contains(but, r.String()) {
			rule := rbacv1.PolicyRule{Verbs: []string{"list"}, APIGroups: []string{r.Group}, Resources: []string{r.Resource}}
			role.Rules = append(role.Rules, rule)
		}
	}
	client := kubernetes.NewForConfigOrDie(config).RbacV1()
	_, err = client.ClusterRoles().Create(ctx, role, metav1.CreateOptions{})
	must(t, err)
	_, err = client.ClusterRoleBindings().Create(ctx, &rbacv1.ClusterRoleBinding{
		ObjectMeta: role.ObjectMeta, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: user},
		Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: user}},
	}, metav1.CreateOptions{})
	must(t, err)
	config = rest.CopyConfig(config)
	config.Impersonate = rest.ImpersonationConfig{UserName: user}
	pods := dynamic.NewForConfigOrDie(config).Resource(schema.GroupVersionResource{Version: "v1", Resource: "pods"})
	for { // until the server has heard of the binding
		if _, err := pods.List(ctx, metav1.ListOptions{Limit: 1}); !apierrors.IsForbidden(err) {
			must(t, err)
			return config
		}
	}
}

// forbidden lists all but two kinds: of these no file is touched, though objects of both are gone.
func forbidden(ctx context.Context, t *testing.T, config *rest.Config, dir string) {
	clerk := as(ctx, t, config, "clerk", "secrets", "clusterroles.rbac.authorization.k8s.io")
	before := files(t, dir)
	client := kubernetes.NewForConfigOrDie(config)
	secrets, err := client.CoreV1().Secrets("corpus").List(ctx, metav1.ListOptions{})
	must(t, err)
	if len(secrets.Items) == 0 {
		t.Fatal("the corpus has no Secrets")
	}
	must(t, client.CoreV1().Secrets("corpus").Delete(ctx, secrets.Items[0].Name, metav1.DeleteOptions{}))
	gone := tree.Path(manifests.Key{Resource: "secrets", Namespace: "corpus", Name: secrets.Items[0].Name})

	report, changes, err := dump(ctx, t, clerk, dir)
	must(t, err)
	if report.Complete() || len(changes.Removed) > 0 || !slices.Contains(changes.Kept, gone) {
		t.Errorf("complete: %t, %+v", report.Complete(), changes)
	}
	now := files(t, dir)
	for name := range before {
		ours := strings.Contains(name, "/secrets/") || strings.Contains(name, "/clusterroles.")
		if ours && now[name] != before[name] {
			t.Errorf("%s has changed", name)
		}
	}
	reads(t, dir)
	_, changes, err = dump(ctx, t, config, dir)
	must(t, err)
	if !slices.Equal(changes.Removed, []string{gone}) || len(changes.Kept) > 0 {
		t.Errorf("when all may be listed: %+v", changes)
	}
}

func noRights(ctx context.Context, t *testing.T, config *rest.Config, dir string) {
	before := files(t, dir)
	config = rest.CopyConfig(config)
	config.Impersonate = rest.ImpersonationConfig{UserName: "nobody"}
	if _, _, err := dump(ctx, t, config, dir); !apierrors.IsForbidden(err) {
		t.Errorf("a user without rights: %v", err)
	}
	intact(t, dir, before)
}

// definitionRemoved removes a CustomResourceDefinition, with which its objects go.
func definitionRemoved(ctx context.Context, t *testing.T, config *rest.Config, dir string) {
	resource := schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}
	definitions := dynamic.NewForConfigOrDie(config).Resource(resource)
	var definition string
	var objects []string
	for name := range files(t, dir) {
		if kind, ok := strings.CutPrefix(name, "namespaces/corpus/"); ok && strings.Contains(kind, ".corpus.example.com/") {
			definition, _, _ = strings.Cut(kind, "/")
			break
		}
	}
	for name := range files(t, dir) {
		if strings.Contains(name, "/"+definition+"/") {
			objects = append(objects, name)
		}
	}
	if definition == "" {
		t.Fatal("the corpus has no custom resources")
	}
	must(t, definitions.Delete(ctx, definition, metav1.DeleteOptions{}))
	for {
		if _, err := definitions.Get(ctx, definition, metav1.GetOptions{}); apierrors.IsNotFound(err) {
			break
		} else {
			must(t, err)
		}
	}
	_, changes, err := dump(ctx, t, config, dir)
	must(t, err)
	want := append(objects, tree.Path(manifests.Key{Group: resource.Group, Resource: resource.Resource, Name: definition}))
	slices.Sort(want)
	if !slices.Equal(changes.Removed, want) {
		t.Errorf("removed are %q, want %q", changes.Removed, want)
	}
}

// serverDies kills kube-apiserver in the middle of a dump, in which everything differs from what the tree has.
func serverDies(ctx context.Context, t *testing.T, node *bed.Node, dir string) {
	before := files(t, dir)
	state, _ := node.Pods.State("kube-apiserver")
	manifest := filepath.Join(node.Root, "etc/kubernetes/manifests/kube-apiserver.yaml")
	aside := filepath.Join(node.Root, "aside.yaml")
	_, err := into(t, dir, func(to *tree.Tree) (tree.Changes, error) {
		cluster, err := manifests.NewCluster(node.RESTConfig(t))
		must(t, err)
		half := &killer{Tree: to, kill: func() error {
			return errors.Join(os.Rename(manifest, aside), syscall.Kill(state.PID, syscall.SIGKILL))
		}}
		report, err := cluster.Dump(ctx, half, manifests.Options{Level: manifests.Faithful, PageSize: 5})
		if err == nil {
			t.Errorf("the dump has ended well: %+v", report.Missing())
		}
		return tree.Changes{}, err
	})
	t.Log(err)
	intact(t, dir, before)
	must(t, os.Rename(aside, manifest))
	must(t, node.WaitAPI(ctx))
	_, changes, err := dump(ctx, t, node.RESTConfig(t), dir)
	must(t, err)
	if now := files(t, dir); !maps.Equal(now, before) {
		t.Errorf("when the server is back: %+v", changes)
	}
}

// killer kills the server while it hands on objects.
type killer struct {
	*tree.Tree
	kill func() error
	n    int
}

func (k *killer) Object(o *manifests.Object) error {
	if k.n++; k.n == 100 {
		if err := k.kill(); err != nil {
			return err
		}
	}
	return k.Tree.Object(o)
}
