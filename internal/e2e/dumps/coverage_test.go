package dumps

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/clustersnap/clustersnap/internal/e2e/bed"
	"github.com/clustersnap/clustersnap/internal/e2e/corpus"
	"github.com/clustersnap/clustersnap/manifests"
)

// What can't be seen is said, by whichever hand it is hidden.
func TestCoverage(t *testing.T) {
	node, ctx := bed.ControlPlane(t, bed.Options{}), stuck(t)
	config := node.RESTConfig(t)
	_, err := corpus.Load(ctx, config)
	must(t, err)
	t.Run("everything", func(t *testing.T) { everything(ctx, t, config) })
	t.Run("excluded", func(t *testing.T) { excluded(ctx, t, config) })
	t.Run("selected", func(t *testing.T) { selected(ctx, t, config) })
	t.Run("some kinds forbidden", func(t *testing.T) { someForbidden(ctx, t, config) })
	t.Run("one namespace", func(t *testing.T) { oneNamespace(ctx, t, config) })
	t.Run("some namespaces", func(t *testing.T) { someNamespaces(ctx, t, config) })
	t.Run("no rights", func(t *testing.T) { noRights(ctx, t, config) })
	t.Run("versions", func(t *testing.T) { versions(ctx, t, config) })
	t.Run("each by itself", func(t *testing.T) { each(ctx, t, config) })
	t.Run("dry run", func(t *testing.T) { dryRun(ctx, t, config) })
	t.Run("lookup", func(t *testing.T) { lookups(ctx, t, config) })
	t.Run("kind added", func(t *testing.T) { kindAdded(ctx, t, config) })
}

// everything holds a dump by an administrator against what the corpus hides.
func everything(ctx context.Context, t *testing.T, config *rest.Config) {
	var r receiver
	report, err := cluster(t, config).Dump(ctx, &r, manifests.Options{})
	must(t, err)
	if report.Complete() {
		t.Error("the dump is complete, though an API is dead and a custom resource is not served")
	}
	wantOutcome(t, report, "*.dead.corpus.example.com", manifests.Failed, "APIService v1.dead.corpus.example.com: ")
	wantOutcome(t, report, "secrecies.corpus.example.com", manifests.Unserved, "no version that is served")
	wantOutcome(t, report, "bindings", manifests.NotListable, "no list verb")
	wantOutcome(t, report, "componentstatuses", manifests.NotStored, "not created")
	wantOutcome(t, report, "events", manifests.SameObjects, "events.events.k8s.io")
	wantOutcome(t, report, "services", manifests.Listed, "")
	wantOutcome(t, report, "services.serving.corpus.example.com", manifests.Listed, "")
	if missing := report.Missing(); len(missing) != 2 {
		t.Errorf("missing are %+v, want the dead API and the custom resource", missing)
	}
	if report.ServerVersion == "" {
		t.Error("the report has no version of the server")
	}
	if !slices.IsSortedFunc(report.Outcomes, byResource) {
		t.Errorf("the outcomes are not sorted")
	}
	listed := 0
	for _, o := range report.Outcomes {
		if o.Clock != "" {
			t.Errorf("%s is said to be of another store", o.Resource)
		}
		listed += o.Objects
	}
	if listed != report.Objects || listed != len(r.objects) {
		t.Errorf("%d objects were listed, %d reported and %d handed on", listed, report.Objects, len(r.objects))
	}
}

func byResource(a, b manifests.Outcome) int {
	if a.Group != b.Group {
		return map[bool]int{true: -1, false: 1}[a.Group < b.Group]
	}
	return map[bool]int{true: -1, false: 1}[a.Resource.Resource <= b.Resource.Resource]
}

// excluded leaves out what is missing, and with it a kind that is served in two groups.
func excluded(ctx context.Context, t *testing.T, config *rest.Config) {
	out := []string{"*.dead.corpus.example.com", "secrecies.corpus.example.com", "events.events.k8s.io", "pods"}
	var r receiver
	report, err := cluster(t, config).Dump(ctx, &r, manifests.Options{
		Exclude: func(r manifests.Resource) bool { return slices.Contains(out, r.String()) },
	})
	must(t, err)
	if !report.Complete() {
		t.Errorf("the dump is not complete: %+v", report.Missing())
	}
	for _, resource := range out {
		wantOutcome(t, report, resource, manifests.Excluded, "")
	}
	wantOutcome(t, report, "events", manifests.Listed, "")
	for key := range r.objects {
		if key.Resource == "pods" || key.Group == "events.k8s.io" {
			t.Errorf("%s was handed on", key)
		}
	}
}

// selected narrows a dump by label and class.
func selected(ctx context.Context, t *testing.T, config *rest.Config) {
	var all, r receiver
	_, err := cluster(t, config).Dump(ctx, &all, manifests.Options{})
	must(t, err)
	report, err := cluster(t, config).Dump(ctx, &r, manifests.Options{
		Classes: []manifests.Class{manifests.User, manifests.NodeBound}, Level: manifests.Faithful,
	})
	must(t, err)
	want := maps.Clone(all.objects)
	maps.DeleteFunc(want, func(_ manifests.Key, e manifests.Entry) bool {
		return e.Class != manifests.User && e.Class != manifests.NodeBound
	})
	if len(want) == 0 || len(want) == len(all.objects) {
		t.Fatalf("%d of %d objects are selected: the corpus shows nothing", len(want), len(all.objects))
	}
	sameKeys(t, r.objects, want)
	if report.Objects != len(want) || !slices.Equal(report.Selection.Classes, []manifests.Class{manifests.NodeBound, manifests.User}) ||
		report.Selection.Level != manifests.Faithful {
		t.Errorf("the report has %d objects and the selection %+v", report.Objects, report.Selection)
	}

	report, err = cluster(t, config).Dump(ctx, &r, manifests.Options{LabelSelector: "kubernetes.io/bootstrapping=rbac-defaults"})
	must(t, err)
	for key := range r.objects {
		if key.Group != "rbac.authorization.k8s.io" {
			t.Errorf("%s was handed on", key)
		}
	}
	if len(r.objects) < 100 || report.Selection.LabelSelector == "" {
		t.Errorf("%d objects, selection %+v", len(r.objects), report.Selection)
	}
}

func sameKeys(t testing.TB, got, want map[manifests.Key]manifests.Entry) {
	t.Helper()
	for key := range want {
		if _, ok := got[key]; !ok {
			t.Errorf("%s was not handed on", key)
		}
	}
	for key := range got {
		if _, ok := want[key]; !ok {
			t.Errorf("%s was handed on", key)
		}
	}
}

// as gives the configuration of a user with the rights of some rules, in one namespace or in all.
func as(ctx context.Context, t testing.TB, config *rest.Config, user string, namespaces []string, rules ...rbacv1.PolicyRule) *rest.Config {
	t.Helper()
	client := kubernetes.NewForConfigOrDie(config)
	role := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: user}, Rules: rules}
	_, err := client.RbacV1().ClusterRoles().Create(ctx, role, metav1.CreateOptions{})
	must(t, err)
	ref := rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: user}
	subjects := []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: user}}
	if len(namespaces) == 0 {
		_, err := client.RbacV1().ClusterRoleBindings().Create(ctx, &rbacv1.ClusterRoleBinding{
			ObjectMeta: role.ObjectMeta, RoleRef: ref, Subjects: subjects}, metav1.CreateOptions{})
		must(t, err)
	}
	for _, n := range namespaces {
		_, err := client.RbacV1().RoleBindings(n).Create(ctx, &rbacv1.RoleBinding{
			ObjectMeta: role.ObjectMeta, RoleRef: ref, Subjects: subjects}, metav1.CreateOptions{})
		must(t, err)
	}
	return asUser(ctx, t, config, user, namespaces, rules[len(rules)-1])
}

// asUser gives the configuration of a user, once the server knows that he has a right.
func asUser(ctx context.Context, t testing.TB, config *rest.Config, user string, namespaces []string, right rbacv1.PolicyRule) *rest.Config {
	t.Helper()
	config = rest.CopyConfig(config)
	config.Impersonate = rest.ImpersonationConfig{UserName: user}
	reviews := kubernetes.NewForConfigOrDie(config).AuthorizationV1().SelfSubjectAccessReviews()
	if len(namespaces) == 0 {
		namespaces = []string{""}
	}
	for _, n := range namespaces {
		for allowed := false; !allowed; {
			review, err := reviews.Create(ctx, &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
				ResourceAttributes: &authorizationv1.ResourceAttributes{
					Namespace: n, Verb: right.Verbs[0], Group: right.APIGroups[0], Resource: right.Resources[0],
				},
			}}, metav1.CreateOptions{})
			must(t, err)
			allowed = review.Status.Allowed
		}
	}
	return config
}

func mayList(groups []string, resources ...string) rbacv1.PolicyRule {
	return rbacv1.PolicyRule{Verbs: []string{"list"}, APIGroups: groups, Resources: resources}
}

// someForbidden lets a user list all but two kinds, one of them namespaced.
func someForbidden(ctx context.Context, t *testing.T, config *rest.Config) {
	resources, _, err := cluster(t, config).Resources(ctx)
	must(t, err)
	var rules []rbacv1.PolicyRule
	for _, r := range resources {
		if r.String() != "secrets" && r.String() != "clusterroles.rbac.authorization.k8s.io" {
			rules = append(rules, mayList([]string{r.Group}, r.Resource))
		}
	}
	var r receiver
	report, err := cluster(t, as(ctx, t, config, "clerk", nil, rules...)).Dump(ctx, &r, manifests.Options{})
	must(t, err)
	if report.Complete() {
		t.Error("the dump is complete, though two kinds are forbidden")
	}
	wantOutcome(t, report, "clusterroles.rbac.authorization.k8s.io", manifests.Forbidden, `User "clerk" cannot list`)
	namespaces := outcomes(report, "namespaces")[0].Objects
	secrets := outcomes(report, "secrets")
	for _, o := range secrets {
		if o.State != manifests.Forbidden || o.Namespace == "" || o.Why == "" {
			t.Errorf("outcome %+v, want it forbidden in each namespace", o)
		}
	}
	if len(secrets) != namespaces {
		t.Errorf("secrets have %d outcomes, want one for each of %d namespaces", len(secrets), namespaces)
	}
	wantOutcome(t, report, "secrecies.corpus.example.com", manifests.Unserved, "")
	for key := range r.objects {
		if key.Resource == "secrets" && key.Group == "" {
			t.Errorf("%s was handed on", key)
		}
	}
}

// oneNamespace lets a user list everything in one namespace, and nothing else, which takes being told its name.
func oneNamespace(ctx context.Context, t *testing.T, config *rest.Config) {
	all := mayList([]string{"*"}, "*")
	clerk := cluster(t, as(ctx, t, config, "tenant", []string{"kube-system"}, all))
	var want, r, none receiver
	_, err := cluster(t, config).Dump(ctx, &want, manifests.Options{Namespaces: []string{"kube-system"}})
	must(t, err)
	report, err := clerk.Dump(ctx, &r, manifests.Options{Namespaces: []string{"kube-system"}})
	must(t, err)
	if report.Complete() || len(report.Missing()) != 1 { // definitions can't be read, so that alone is not known
		t.Errorf("missing are %+v, want the dead API", report.Missing())
	}
	made := func(key manifests.Key, _ manifests.Entry) bool { return key.Resource == "serviceaccounts" } // by controllers, meanwhile
	maps.DeleteFunc(want.objects, made)
	maps.DeleteFunc(r.objects, made)
	sameKeys(t, r.objects, want.objects)
	for key := range r.objects {
		if key.Namespace != "kube-system" {
			t.Errorf("%s was handed on", key)
		}
	}
	wantOutcome(t, report, "customresourcedefinitions.apiextensions.k8s.io", manifests.Excluded, "not known")
	wantOutcome(t, report, "namespaces", manifests.Excluded, "")
	for _, o := range outcomes(report, "configmaps") {
		if o.Namespace != "kube-system" || o.State != manifests.Listed || o.Objects == 0 {
			t.Errorf("outcome %+v", o)
		}
	}
	if _, err := clerk.Dump(ctx, &none, manifests.Options{}); !apierrors.IsForbidden(err) {
		t.Errorf("without a namespace the error is %v, want that nothing may be listed", err)
	}
	_, err = cluster(t, config).Dump(ctx, &none, manifests.Options{Namespaces: []string{"kube-sytem"}})
	if !apierrors.IsNotFound(err) || len(none.begins) > 0 {
		t.Errorf("for a namespace that does not exist the error is %v, after %d begins", err, len(none.begins))
	}
}

// someNamespaces lets a user list the namespaces, and ConfigMaps in two of them: these are found.
func someNamespaces(ctx context.Context, t *testing.T, config *rest.Config) {
	both := []string{"default", "kube-system"}
	as(ctx, t, config, "visitor", both, mayList([]string{""}, "configmaps"))
	client := kubernetes.NewForConfigOrDie(config)
	role := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "visitor-of-all"}, Rules: []rbacv1.PolicyRule{mayList([]string{""}, "namespaces")}}
	_, err := client.RbacV1().ClusterRoles().Create(ctx, role, metav1.CreateOptions{})
	must(t, err)
	_, err = client.RbacV1().ClusterRoleBindings().Create(ctx, &rbacv1.ClusterRoleBinding{
		ObjectMeta: role.ObjectMeta, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role.Name},
		Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: "visitor"}}}, metav1.CreateOptions{})
	must(t, err)
	visitor := asUser(ctx, t, config, "visitor", nil, role.Rules[0])

	var r receiver
	report, err := cluster(t, visitor).Dump(ctx, &r, manifests.Options{})
	must(t, err)
	if report.Complete() {
		t.Error("the dump is complete, though most is forbidden")
	}
	for _, o := range outcomes(report, "configmaps") {
		want := manifests.Forbidden
		if slices.Contains(both, o.Namespace) {
			want = manifests.Listed
		}
		if o.State != want || (o.Objects > 0) != (want == manifests.Listed) {
			t.Errorf("outcome %+v, want it %s", o, want)
		}
	}
	for key := range r.objects {
		if key.Resource != "namespaces" && (key.Resource != "configmaps" || !slices.Contains(both, key.Namespace)) {
			t.Errorf("%s was handed on", key)
		}
	}
	for _, n := range both {
		key := manifests.Key{Resource: "configmaps", Namespace: n, Name: "kube-root-ca.crt"}
		if _, ok := r.objects[key]; !ok {
			t.Errorf("%s was not handed on", key)
		}
	}
}

// noRights is a user whom the server knows, and who may list nothing.
func noRights(ctx context.Context, t *testing.T, config *rest.Config) {
	nobody := rest.CopyConfig(config)
	nobody.Impersonate.UserName = "nobody"
	var r receiver
	report, err := cluster(t, nobody).Dump(ctx, &r, manifests.Options{})
	if !apierrors.IsForbidden(err) {
		t.Errorf("the error is %v, want that it is forbidden", err)
	}
	if len(r.begins) > 0 || report == nil || report.Complete() {
		t.Fatalf("%d begins, report %+v", len(r.begins), report)
	}
	wantOutcome(t, report, "configmaps", manifests.Forbidden, `User "nobody" cannot list`)

	stranger := rest.CopyConfig(config)
	stranger.CertData, stranger.CertFile, stranger.KeyData, stranger.KeyFile = nil, "", nil, ""
	stranger.BearerToken = "no-such-token"
	if _, err := cluster(t, stranger).Dump(ctx, &r, manifests.Options{}); !apierrors.IsUnauthorized(err) {
		t.Errorf("with a token that nobody knows the error is %v", err)
	}
}

// kindAdded defines a custom resource when the instant is taken already.
func kindAdded(ctx context.Context, t *testing.T, config *rest.Config) {
	var r receiver
	r.begin = func(manifests.Instant) error { return define(ctx, config, "lates", "Late") }
	report, err := cluster(t, config).Dump(ctx, &r, manifests.Options{})
	must(t, err)
	wantOutcome(t, report, "lates.corpus.example.com", manifests.Failed, "appeared during the dump")
	if report.Complete() {
		t.Error("the dump is complete")
	}
}

// define defines a custom resource and waits until discovery shows it.
func define(ctx context.Context, config *rest.Config, plural, kind string) error {
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return err
	}
	definition := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
		"metadata": map[string]any{"name": plural + ".corpus.example.com"},
		"spec": map[string]any{
			"group": "corpus.example.com", "scope": "Namespaced",
			"names": map[string]any{"plural": plural, "singular": strings.ToLower(kind), "kind": kind, "listKind": kind + "List"},
			"versions": []any{map[string]any{"name": "v1", "served": true, "storage": true,
				"schema": map[string]any{"openAPIV3Schema": map[string]any{"type": "object"}}}},
		},
	}}
	crds := schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}
	if _, err := client.Resource(crds).Create(ctx, definition, metav1.CreateOptions{}); err != nil {
		return err
	}
	c, err := manifests.NewCluster(config)
	if err != nil {
		return err
	}
	return discovered(ctx, c, plural+".corpus.example.com")
}

// discovered waits until discovery shows a resource.
func discovered(ctx context.Context, c *manifests.Cluster, resource string) error {
	for ctx.Err() == nil {
		all, _, err := c.Resources(ctx)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(all, func(r manifests.Resource) bool { return r.String() == resource }) {
			return nil
		}
	}
	return fmt.Errorf("wait for %s: %w", resource, context.Cause(ctx))
}
