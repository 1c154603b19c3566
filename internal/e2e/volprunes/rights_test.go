package volprunes

import (
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"github.com/clustersnap/clustersnap/internal/e2e/csibed"
)

// documented is an account with the role that stands in the documentation of a package of volsnap, and nothing else.
func documented(t *testing.T, b *csibed.Bed, room string) *rest.Config {
	t.Helper()
	_, here, _, _ := runtime.Caller(0)
	text, err := os.ReadFile(filepath.Join(filepath.Dir(here), "../../../volsnap", room, "doc.go"))
	must(t, err)
	found := regexp.MustCompile(`(?s)//\t(apiVersion: rbac.*?)\n(//\n|package )`).FindSubmatch(text)
	if found == nil {
		t.Fatalf("the documentation of %s has no role", room)
	}
	var role rbacv1.ClusterRole
	must(t, yaml.UnmarshalStrict([]byte(strings.ReplaceAll(string(found[1]), "//\t", "")), &role))
	if role.Name == "" || len(role.Rules) == 0 {
		t.Fatalf("the role of %s is %+v", room, role)
	}
	_, err = b.Client.RbacV1().ClusterRoles().Create(t.Context(), &role, metav1.CreateOptions{})
	must(t, err)
	_, err = b.Client.RbacV1().ClusterRoleBindings().Create(t.Context(), &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: role.Name},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role.Name},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.UserKind, APIGroup: rbacv1.GroupName, Name: room}},
	}, metav1.CreateOptions{})
	must(t, err)
	config := rest.CopyConfig(b.Config)
	config.Impersonate = rest.ImpersonationConfig{UserName: room}
	return config
}
