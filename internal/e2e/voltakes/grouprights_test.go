package voltakes

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"github.com/clustersnap/clustersnap/internal/e2e/csibed"
	"github.com/clustersnap/clustersnap/volsnap"
)

const (
	snapshotGroup = "snapshot.storage.k8s.io"
	groupGroup    = "groupsnapshot.storage.k8s.io"
)

// rules are those of the role that stands in the documentation of the package.
func (p *place) rules() []rbacv1.PolicyRule {
	p.Helper()
	_, here, _, _ := runtime.Caller(0)
	text, err := os.ReadFile(filepath.Join(filepath.Dir(here), "../../../volsnap/doc.go"))
	must(p, err)
	found := regexp.MustCompile(`(?s)//\trules:\n(.*?)\n//\n`).FindSubmatch(text)
	if found == nil {
		p.Fatal("the documentation of volsnap has no role")
	}
	var rules []rbacv1.PolicyRule
	must(p, yaml.Unmarshal([]byte(strings.ReplaceAll(string(found[1])+"\n", "//\t", "")), &rules))
	return rules
}

// without are rules less some verbs for a resource of a group.
func without(rules []rbacv1.PolicyRule, group, resource string, verbs ...string) []rbacv1.PolicyRule {
	var less []rbacv1.PolicyRule
	for _, r := range rules {
		if r.APIGroups[0] != group || !slices.Contains(r.Resources, resource) {
			less = append(less, r)
			continue
		}
		others := *r.DeepCopy()
		others.Resources = slices.DeleteFunc(others.Resources, func(name string) bool { return name == resource })
		r = *r.DeepCopy()
		r.Resources = []string{resource}
		r.Verbs = slices.DeleteFunc(r.Verbs, func(verb string) bool { return slices.Contains(verbs, verb) })
		if len(r.Verbs) > 0 {
			less = append(less, r)
		}
		if len(others.Resources) > 0 {
			less = append(less, others)
		}
	}
	return less
}

// as is the cluster for a user who has these rights everywhere.
func (p *place) as(user string, rules []rbacv1.PolicyRule) *volsnap.Cluster {
	p.Helper()
	_, err := p.Client.RbacV1().ClusterRoles().Create(p.ctx, &rbacv1.ClusterRole{
		ObjectMeta: metav1.ObjectMeta{Name: user}, Rules: rules,
	}, metav1.CreateOptions{})
	must(p, err)
	_, err = p.Client.RbacV1().ClusterRoleBindings().Create(p.ctx, &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: user},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: user},
		Subjects:   []rbacv1.Subject{{Kind: "User", APIGroup: rbacv1.GroupName, Name: user}},
	}, metav1.CreateOptions{})
	must(p, err)
	config := rest.CopyConfig(p.Config)
	// Kubernetes gives every user the right to ask for its rights.
	config.Impersonate = rest.ImpersonationConfig{UserName: user, Groups: []string{"system:authenticated"}}
	c, err := volsnap.NewCluster(config)
	must(p, err)
	return c
}

// documented takes a group with the role of the documentation, and nothing else.
func documented(p *place) {
	p.fill("documented", p.Drivers[0], names(2)...)
	c := p.as("documented", p.rules())
	plan := p.plan(c, "documented")
	if len(plan.Missing) > 0 {
		p.Errorf("missing are %v", plan.Missing)
	}
	account := p.take(c, plan, volsnap.TakeOptions{Run: "documented", Group: all})
	listed, err := c.List(p.ctx, []string{"documented"}, "documented")
	must(p, err)
	if len(listed) != 2 || len(account.Notes) > 0 || account.Volumes[0].Snapshot.Group == "" {
		p.Errorf("listed are %v, notes are %q", listed, account.Notes)
	}
}

// unpinnedGroup is a group whose content may not be patched: no call says that it is pinned, until one may.
func unpinnedGroup(p *place) {
	p.fill("loose", p.Drivers[0], names(2)...)
	c := p.as("loose", without(p.rules(), groupGroup, "volumegroupsnapshotcontents", "patch"))
	plan := p.plan(c, "loose")
	if len(plan.Missing) != 1 || !strings.Contains(plan.Missing[0].String(), "patch volumegroupsnapshotcontents") {
		p.Errorf("missing are %v", plan.Missing)
	}
	opts := volsnap.TakeOptions{Run: "loose", Group: all}
	for call := range 2 {
		account, err := c.Take(p.ctx, plan, opts)
		must(p, err)
		for _, r := range account.Volumes {
			if len(r.Lacking) != 1 || !strings.Contains(r.Lacking[0], "content of its group is not pinned") || r.Snapshot.Pinned {
				p.Errorf("call %d: lacking is %q, the snapshot %+v", call, r.Lacking, r.Snapshot)
			}
		}
	}
	all, _ := p.cluster()
	account := p.take(all, plan, opts)
	var taken []volsnap.Snapshot
	for _, r := range account.Volumes {
		taken = append(taken, *r.Snapshot)
	}
	p.outlive("loose", taken)
}

// fewGroupRights has no right to something, and is cut one by one at once, which is told.
func fewGroupRights(p *place) {
	for i, right := range []struct{ group, resource, verb string }{
		{groupGroup, "volumegroupsnapshots", "create"}, {groupGroup, "volumegroupsnapshots", "get"},
		{"", "persistentvolumeclaims", "patch"},
	} {
		namespace := fmt.Sprintf("few-%d", i)
		p.fill(namespace, p.Drivers[0], names(2)...)
		c := p.as(namespace, without(p.rules(), right.group, right.resource, right.verb))
		plan := p.plan(c, namespace)
		if len(plan.Missing) == 0 {
			p.Errorf("a plan without %v misses nothing", right)
		}
		account := p.take(c, plan, volsnap.TakeOptions{Run: namespace, Group: all})
		notes := strings.Join(account.Notes, "\n")
		if !strings.Contains(notes, "one by one") || !strings.Contains(notes, right.verb+" resource") {
			p.Errorf("without %v notes are %q", right, notes)
		}
		p.Gone(p, csibed.Groups, namespace, "none")
	}
}

// fewContentRights is a run that may not watch contents, and one that may not get them.
func fewContentRights(p *place) {
	p.fill("fewcontents", p.Drivers[0], names(2)...)
	c := p.as("unwatching", without(p.rules(), snapshotGroup, "volumesnapshotcontents", "watch"))
	plan := p.plan(c, "fewcontents")
	account, err := c.Take(p.ctx, plan, volsnap.TakeOptions{Run: "unwatching"})
	must(p, err)
	for _, r := range account.Volumes {
		if r.Outcome != volsnap.Snapshotted {
			p.Errorf("without a watch of contents the result is %+v", r)
		}
	}
	if len(account.Notes) != 1 || !strings.Contains(account.Notes[0], "pods rest longer") {
		p.Errorf("without a watch of contents notes are %q", account.Notes)
	}
	c = p.as("ungetting", without(p.rules(), snapshotGroup, "volumesnapshotcontents", "get"))
	for _, group := range []func(volsnap.Volume) string{nil, all} {
		opts := volsnap.TakeOptions{Run: "ungetting", Group: group}
		if group != nil {
			opts.Run = "ungetting-group"
		}
		first, second := p.take(c, plan, opts), p.take(c, plan, opts)
		for i := range first.Volumes {
			if a, b := first.Volumes[i].Snapshot, second.Volumes[i].Snapshot; a.UID != b.UID || a.Handle == "" || a.Handle != b.Handle {
				p.Errorf("without a right to get contents the second call gives %+v, and the first %+v", b, a)
			}
		}
	}
}
