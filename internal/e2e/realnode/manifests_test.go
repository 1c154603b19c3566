package realnode

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/clustersnap/clustersnap/internal/e2e/bed"
	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/internal/e2e/trial"
)

// The command on a real cluster, as its help says: a tree, a quiet second dump, differences, and exit codes.
func TestManifestsCommand(t *testing.T) {
	ctx := trial.Context(t)
	node := bed.ControlPlane(t, bed.Options{})
	api := node.Kubernetes(t)
	createConfigMap(ctx, t, api, "a")
	_, err := api.CoreV1().Secrets("default").Create(ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "s"}, Data: map[string][]byte{"password": []byte("hidden-from-all")},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	admin := node.Kubeconfig()
	dir := filepath.Join(t.TempDir(), "tree")
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, []byte("for the digests of one test only: 32 bytes and more"), 0o600); err != nil {
		t.Fatal(err)
	}
	dumping := []string{
		"manifests", "dump", "--to", dir, "--class", "user", "--class", "bootstrap", "--secrets", "redact", "--key-file", key,
	}
	dump := func() command.Outcome {
		return command.RunOn(t, node, append(dumping, "--kubeconfig", admin)...)
	}
	first := dump()
	command.Good(t, first)
	data, err := os.ReadFile(filepath.Join(dir, "namespaces/default/configmaps/a.yaml"))
	if err != nil || !strings.Contains(string(data), "name: a\n") || strings.Contains(string(data), "uid") {
		t.Errorf("the ConfigMap is %s (%v)", data, err)
	}
	second := dump()
	for ; !strings.Contains(second.Stdout, "0 added, 0 changed, 0 removed"); second = dump() { // the control plane still begins
		command.Good(t, second)
		if ctx.Err() != nil {
			t.Fatalf("the last dump says\n%s\nand the first\n%s", second.Stdout, first.Stdout)
		}
	}

	diff := func(args ...string) command.Outcome {
		return command.RunOn(t, node, append([]string{"manifests", "diff", "--kubeconfig", admin}, args...)...)
	}
	createConfigMap(ctx, t, api, "b")
	same := t.TempDir()
	if err := os.WriteFile(filepath.Join(same, "a.yaml"), data, 0o600); err != nil {
		t.Fatal(err)
	}
	for want, o := range map[int]command.Outcome{
		0: diff(dir, dir), 1: diff(dir, "live", "-n", "default"), 2: diff(dir, filepath.Join(dir, "gone")),
	} {
		if o.Code != want || strings.Contains(o.Stdout+o.Stderr, "hidden-from-all") {
			t.Errorf("exit %d, want %d:\n%s%s", o.Code, want, o.Stdout, o.Stderr)
		}
		if want == 1 && !strings.Contains(o.Stdout, "+  name: b\n") {
			t.Errorf("the new ConfigMap does not show:\n%s%s", o.Stdout, o.Stderr)
		}
	}
	if o := diff(same, "live", "-n", "default"); o.Code != 1 || strings.Contains(o.Stdout, "name: a\n") || !strings.Contains(o.Stdout, "+  name: b\n") {
		t.Errorf("exit %d of a file against its cluster:\n%s%s", o.Code, o.Stdout, o.Stderr)
	}

	// Who may not list all is told so, and fails; and nothing is lost.
	limited := limitedTo(ctx, t, node, "configmaps")
	o := command.RunOn(t, node, append(dumping, "--kubeconfig", limited)...)
	command.Bad(t, o, 1, "could not be listed: the dump is not complete")
	if !strings.Contains(o.Stdout, "secrets: forbidden") {
		t.Errorf("it does not say what it could not see:\n%s", o.Stdout)
	}
	for _, name := range []string{"namespaces/default/secrets/s.yaml", "namespaces/default/configmaps/a.yaml"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Errorf("a dump without rights has removed a file: %v", err)
		}
	}
	command.Bad(t, command.RunOn(t, node, "manifests", "dump", "--kubeconfig", filepath.Join(dir, "gone"), "--to", dir), 2, "gone")
	command.Bad(t, command.Run(t, "", "manifests", "dump"), 2)
	command.Bad(t, command.Run(t, "", "manifests", "dump", "--to", dir, "--secrets", "hide"), 2)
}

// limitedTo makes a kubeconfig of somebody who may list one resource and nothing else.
func limitedTo(ctx context.Context, t *testing.T, node *bed.Node, resource string) string {
	t.Helper()
	api := node.Kubernetes(t)
	role := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "limited"}, Rules: []rbacv1.PolicyRule{
		{APIGroups: []string{""}, Resources: []string{resource}, Verbs: []string{"get", "list"}},
	}}
	if _, err := api.RbacV1().ClusterRoles().Create(ctx, role, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	binding := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "limited"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "limited"},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.UserKind, APIGroup: rbacv1.GroupName, Name: "limited"}},
	}
	if _, err := api.RbacV1().ClusterRoleBindings().Create(ctx, binding, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	config, err := clientcmd.LoadFromFile(node.Kubeconfig())
	if err != nil {
		t.Fatal(err)
	}
	for _, user := range config.AuthInfos {
		user.Impersonate = "limited"
	}
	name := filepath.Join(t.TempDir(), "limited.conf")
	if err := clientcmd.WriteToFile(*config, name); err != nil {
		t.Fatal(err)
	}
	return name
}
