package volplans

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"

	"github.com/clustersnap/clustersnap/volsnap"
)

// rule is a rule of a role, as YAML.
func rule(group, resources, verbs string) string {
	return fmt.Sprintf("- {apiGroups: [%q], resources: [%s], verbs: [%s]}\n", group, resources, verbs)
}

// grant gives an account rules in a namespace, "" for all of them. It makes the account.
func (s *scene) grant(account, namespace, rules string) {
	s.Helper()
	s.make(fmt.Sprintf("{apiVersion: v1, kind: ServiceAccount, metadata: {namespace: default, name: %s}}", account))
	kind, where := "ClusterRole", ""
	if namespace != "" {
		kind, where = "Role", "namespace: "+namespace+", "
	}
	s.make(fmt.Sprintf("apiVersion: rbac.authorization.k8s.io/v1\nkind: %s\nmetadata: {%sname: %s}\nrules:\n%s",
		kind, where, account, rules))
	s.make(fmt.Sprintf(`
apiVersion: rbac.authorization.k8s.io/v1
kind: %[1]sBinding
metadata: {%[2]sname: %[3]s}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: %[1]s, name: %[3]s}
subjects: [{kind: ServiceAccount, namespace: default, name: %[3]s}]`, kind, where, account))
}

// Rules that the accounts of these tests are given.
var (
	mayRead    = rule("", "persistentvolumeclaims, pods", "get, list")
	mayTake    = rule("snapshot.storage.k8s.io", "volumesnapshots", "get, list, watch, create, delete")
	mayVolumes = rule("", "persistentvolumes", "get, list") + rule("", "namespaces", "get") +
		rule("storage.k8s.io", "storageclasses", "list")
	mayClasses  = rule("snapshot.storage.k8s.io", "volumesnapshotclasses", "list")
	mayContents = rule("snapshot.storage.k8s.io", "volumesnapshotcontents", "get, list, watch, patch") +
		rule("groupsnapshot.storage.k8s.io", "volumegroupsnapshotclasses", "list") +
		rule("groupsnapshot.storage.k8s.io", "volumegroupsnapshotcontents", "get, watch, patch")
	mayGroups = rule("groupsnapshot.storage.k8s.io", "volumegroupsnapshots", "get, watch, create, delete") +
		rule("", "persistentvolumeclaims", "patch") + rule("snapshot.storage.k8s.io", "volumesnapshots", "patch")
)

// planAs plans with the rights of an account.
func (s *scene) planAs(account string, namespaces ...string) *volsnap.Plan {
	s.Helper()
	cluster, _ := s.as(account)
	plan, err := cluster.Plan(s.ctx, volsnap.Selection{Namespaces: namespaces}, volsnap.PlanOptions{})
	must(s, err)
	return plan
}

// missing holds what a plan lacks against lines such as "app-0: list pods".
func (s *scene) missing(plan *volsnap.Plan, want ...string) {
	s.Helper()
	var got []string
	for _, l := range plan.Missing {
		got = append(got, fmt.Sprintf("%s: %s %s", l.Namespace, l.Verb, l.Resource))
		if l.Means == "" {
			s.Errorf("what it means is not said of %v", l)
		}
	}
	if !slices.Equal(got, want) {
		s.Errorf("missing are %q, want %q", got, want)
	}
}

func (s *scene) rights() {
	const (
		snapshots = ".snapshot.storage.k8s.io"
		groups    = ".groupsnapshot.storage.k8s.io"
	)
	// In one namespace, and what is of none.
	s.grant("tenant", "app-0", mayRead+mayTake+mayGroups)
	s.grant("tenant", "", mayVolumes+mayClasses+mayContents)
	plan := s.planAs("tenant", "app-0")
	s.expect(plan, "app-0")
	s.missing(plan)
	cluster, _ := s.as("tenant")
	_, err := cluster.Plan(s.ctx, volsnap.Selection{}, volsnap.PlanOptions{})
	if !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), "name those that may be looked at") {
		s.Errorf("a plan of all namespaces: the error is %v", err)
	}
	_, err = cluster.Plan(s.ctx, volsnap.Selection{Namespaces: []string{"app-0", "app-1"}}, volsnap.PlanOptions{})
	if !apierrors.IsForbidden(err) {
		s.Errorf("a plan of another's namespace: the error is %v", err)
	}

	// Whatever can be done without is told.
	s.grant("poor", "app-0", mayRead+rule("snapshot.storage.k8s.io", "volumesnapshots", "get, list, watch, create"))
	s.grant("poor", "app-1", mayRead+mayTake+rule("", "persistentvolumeclaims", "patch"))
	s.grant("poor", "", rule("", "persistentvolumes", "get")+mayClasses)
	plan = s.planAs("poor", "app-0", "app-1")
	s.expect(plan, "app-0", "app-1")
	s.missing(plan, ": get namespaces", "app-0: delete volumesnapshots"+snapshots,
		"app-0: create volumegroupsnapshots"+groups, "app-1: create volumegroupsnapshots"+groups,
		"app-0: get volumegroupsnapshots"+groups, "app-1: get volumegroupsnapshots"+groups,
		"app-0: watch volumegroupsnapshots"+groups, "app-1: watch volumegroupsnapshots"+groups,
		"app-0: delete volumegroupsnapshots"+groups, "app-1: delete volumegroupsnapshots"+groups,
		"app-0: patch persistentvolumeclaims",
		"app-0: patch volumesnapshots"+snapshots, "app-1: patch volumesnapshots"+snapshots,
		": get volumesnapshotcontents"+snapshots, ": list volumesnapshotcontents"+snapshots,
		": watch volumesnapshotcontents"+snapshots,
		": patch volumesnapshotcontents"+snapshots, ": list volumegroupsnapshotclasses"+groups,
		": get volumegroupsnapshotcontents"+groups, ": watch volumegroupsnapshotcontents"+groups,
		": patch volumegroupsnapshotcontents"+groups)
	if plan.Cluster != "" {
		s.Errorf("without a right to namespaces, the cluster is %q", plan.Cluster)
	}

	// What can't be done without is the reason of the volumes.
	s.grant("reader", "app-0", mayRead+rule("snapshot.storage.k8s.io", "volumesnapshots", "get, list, watch"))
	s.grant("reader", "app-1", mayRead+mayTake+mayGroups)
	s.grant("reader", "", mayVolumes+mayClasses+mayContents)
	plan = s.planAs("reader", "app-0", "app-1")
	s.forbidden(plan, "app-0", "create volumesnapshots").expect(plan, "app-0", "app-1")

	s.grant("blind", "app-0", mayRead+mayTake+mayGroups)
	s.grant("blind", "", mayVolumes+mayContents)
	plan = s.planAs("blind", "app-0")
	s.forbidden(plan, "app-0", "list volumesnapshotclasses").expect(plan, "app-0")

	// Without volumes nobody knows of what kind a claim is, but whether it is bound.
	s.grant("bound", "app-0", mayRead+mayTake+mayGroups)
	s.grant("bound", "", mayClasses+mayContents)
	for _, v := range s.planAs("bound", "app-0").Volumes {
		want := volsnap.ReasonForbidden
		if v.PodVolume != "" || s.want["app-0/"+v.Claim] == "unbound" {
			want = volsnap.Reason(s.want["app-0/"+v.Claim+v.PodVolume])
		}
		if v.Reason != want {
			s.Errorf("without a right to volumes, app-0/%s%s has the reason %q, want %q", v.Claim, v.PodVolume, v.Reason, want)
		}
	}

	// Without pods.
	s.grant("deaf", "app-0", rule("", "persistentvolumeclaims", "list")+mayTake+mayGroups)
	s.grant("deaf", "", mayVolumes+mayClasses+mayContents)
	plan = s.planAs("deaf", "app-0")
	s.missing(plan, "app-0: list pods")
	for _, v := range plan.Volumes {
		if v.PodVolume != "" || len(v.Pods) > 0 {
			s.Errorf("without a right to pods there is %+v", v)
		}
	}
	if len(plan.Volumes) != 41 {
		s.Errorf("without a right to pods %d claims are planned, want 41", len(plan.Volumes))
	}

	// Who will run commands in pods asks for that as well: of the namespaces where there are such pods.
	s.grant("execs", "app-0", mayRead+mayTake+mayGroups+rule("", "pods/exec", "create"))
	s.grant("execs", "app-1", mayRead+mayTake+mayGroups+rule("", "pods/exec", "get"))
	s.grant("execs", "app-2", mayRead+mayTake+mayGroups)
	s.grant("execs", "", mayVolumes+mayClasses+mayContents)
	cluster, _ = s.as("execs")
	options := volsnap.PlanOptions{Exec: true}
	plan, err = cluster.Plan(s.ctx, volsnap.Selection{Namespaces: []string{"app-0", "app-1"}}, options)
	must(s, err)
	s.missing(plan, "app-1: create pods/exec")
	plan, err = cluster.Plan(s.ctx, volsnap.Selection{Claims: []string{"app-2/data-5"}}, options) // which no pod mounts
	must(s, err)
	s.missing(plan)
	s.missing(s.planAs("execs", "app-1"))

	// A server that does not say what an account may do is no obstacle.
	s.grant("mute", "", mayRead+mayVolumes+mayClasses+"- {nonResourceURLs: [/apis/*], verbs: [get]}\n")
	s.make("{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: mute-user}, " +
		"roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: mute}, subjects: [{kind: User, name: mute}]}")
	config := rest.CopyConfig(s.config)
	config.Impersonate = rest.ImpersonationConfig{UserName: "mute", Groups: []string{"system:unauthenticated"}}
	cluster, err = volsnap.NewCluster(config)
	must(s, err)
	plan, err = cluster.Plan(s.ctx, volsnap.Selection{Namespaces: []string{"app-0"}}, volsnap.PlanOptions{})
	must(s, err)
	s.expect(plan, "app-0")
	s.missing(plan)

	// A namespace that is empty may be one that is not there.
	s.namespace("empty")
	s.grant("lost", "empty", mayRead)
	s.missing(s.planAs("lost", "empty"), ": get namespaces", "empty: get namespaces")
}

// forbidden is the scene if whatever could be snapshotted in a namespace may not be, and the plan says for want of which right.
func (s *scene) forbidden(plan *volsnap.Plan, namespace, right string) *scene {
	s.Helper()
	for _, v := range plan.Volumes {
		if v.Reason == volsnap.ReasonForbidden && !strings.Contains(v.Detail, "no right to "+right) {
			s.Errorf("%s/%s is forbidden because of %q, want no right to %s", v.Namespace, v.Claim, v.Detail, right)
		}
	}
	want := maps.Clone(s.want)
	for at, w := range want {
		if strings.HasPrefix(at, namespace+"/") && slices.Contains([]string{"disk-default", "disk-other", "share-only"}, w) {
			want[at] = string(volsnap.ReasonForbidden)
		}
	}
	return &scene{s.place, want, ""}
}

// documented gives an account the role that stands in the documentation of the package, and nothing else.
func (s *scene) documented() {
	_, here, _, _ := runtime.Caller(0)
	text, err := os.ReadFile(filepath.Join(filepath.Dir(here), "../../../volsnap/doc.go"))
	must(s, err)
	found := regexp.MustCompile(`(?s)//\trules:\n(.*?)\n//\n`).FindSubmatch(text)
	if found == nil {
		s.Fatal("the documentation of volsnap has no role")
	}
	rules := strings.ReplaceAll(string(found[1])+"\n", "//\t", "")
	s.grant("documented", "", rules)
	plan := s.planAs("documented")
	s.expect(plan)
	s.missing(plan)
	if plan.Cluster == "" || plan.Groups != "v1" {
		s.Errorf("the cluster is %q, groups are served at %q", plan.Cluster, plan.Groups)
	}
}
