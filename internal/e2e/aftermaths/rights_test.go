package aftermaths

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"github.com/clustersnap/clustersnap/kubeadm/aftermath"
)

// rights holds the role of the package documentation: with it nothing is left out, and without any one right of it something
// is, and said.
func rights(s *scene) {
	k := startKubelet(s)
	k.say("/runningpods/", text(`{"items": []}`))
	k.say("/pods", text(`{"items": []}`))
	s.make(definition("crd.projectcalico.org", "v1", "BlockAffinity", "blockaffinities", "blockaffinity") + "\n---\n" +
		definition("crd.projectcalico.org", "v1", "IPAMBlock", "ipamblocks", "ipamblock") + "\n---\n" +
		definition("cilium.io", "v2", "CiliumNode", "ciliumnodes", "ciliumnode"))
	_, here, _, _ := runtime.Caller(0)
	doc, err := os.ReadFile(filepath.Join(filepath.Dir(here), "../../../kubeadm/aftermath/doc.go"))
	must(s, err)
	found := regexp.MustCompile(`(?s)//\trules:\n(.*?)\n//\n`).FindSubmatch(doc)
	if found == nil {
		s.Fatal("the documentation of aftermath has no role")
	}
	var rules []rbacv1.PolicyRule
	must(s, yaml.UnmarshalStrict([]byte(strings.ReplaceAll(string(found[1])+"\n", "//\t", "")), &rules))

	s.want(onlyNotAsked(s.inspectAs(s.account("all", rules), aftermath.Options{})))
	without := 0
	for i, rule := range rules {
		for _, resource := range rule.Resources {
			without++
			less := append([]rbacv1.PolicyRule(nil), rules...)
			less[i].Resources = nil
			for _, other := range rule.Resources {
				if other != resource {
					less[i].Resources = append(less[i].Resources, other)
				}
			}
			if less[i].Resources == nil {
				less = append(less[:i], less[i+1:]...)
			}
			report := onlyNotAsked(s.inspectAs(s.account(fmt.Sprintf("without-%d", without), less), aftermath.Options{}))
			said := false
			for _, f := range report.Findings {
				name := f.Object.String() + f.What
				said = said || strings.Contains(name, resource) && strings.Contains(f.Next, "rights of the package's documentation") ||
					resource == "nodes/proxy" && f.Object.Kind == "Node" && strings.Contains(f.What, "nodes/proxy")
			}
			if !said {
				s.Errorf("without the right to %s nothing is said of it", resource)
				s.want(report)
			}
		}
	}
	report := s.inspectAs(s.account("none", nil), aftermath.Options{})
	if kept := len(report.Findings); len(onlyNotAsked(report).Findings) != kept || kept < 15 {
		s.Errorf("without any right there are %d findings", kept)
		s.want(report)
	}
}

// onlyNotAsked leaves the findings that tell what could not be looked at.
func onlyNotAsked(r *aftermath.Report) *aftermath.Report {
	only := *r
	only.Findings = nil
	for _, f := range r.Findings {
		if f.Kind == aftermath.NotAsked {
			only.Findings = append(only.Findings, f)
		}
	}
	return &only
}

// account gives a user rights, and waits until the server knows of them.
func (s *scene) account(name string, rules []rbacv1.PolicyRule) *rest.Config {
	s.Helper()
	config := rest.CopyConfig(s.config)
	config.Impersonate = rest.ImpersonationConfig{UserName: name, Groups: []string{"system:authenticated"}}
	if rules == nil {
		return config
	}
	// A role is one object: when the server knows this rule, it knows the others.
	mark := rbacv1.PolicyRule{NonResourceURLs: []string{"/" + name}, Verbs: []string{"get"}}
	rules = append(append([]rbacv1.PolicyRule(nil), rules...), mark)
	role := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: name}, Rules: rules}
	binding := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: name},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.UserKind, APIGroup: rbacv1.GroupName, Name: name}},
	}
	_, err := s.api.RbacV1().ClusterRoles().Create(s.ctx, role, metav1.CreateOptions{})
	must(s, err)
	_, err = s.api.RbacV1().ClusterRoleBindings().Create(s.ctx, binding, metav1.CreateOptions{})
	must(s, err)
	s.until("the server knows the rights of "+name, func() bool { return s.may(name) })
	return config
}

// may reports whether a user may get the URL that is named for it.
func (s *scene) may(name string) bool {
	s.Helper()
	review, err := s.api.AuthorizationV1().SubjectAccessReviews().Create(s.ctx, accessReview(name), metav1.CreateOptions{})
	must(s, err)
	return review.Status.Allowed
}
