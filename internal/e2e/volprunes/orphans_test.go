package volprunes

import (
	"fmt"
	"net/http"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/clustersnap/clustersnap/internal/e2e/csibed"
	"github.com/clustersnap/clustersnap/volsnap"
	"github.com/clustersnap/clustersnap/volsnap/prune"
)

type corev1Reference = corev1.TypedLocalObjectReference

var claimsResource = schema.GroupVersionResource{Version: "v1", Resource: "persistentvolumeclaims"}

// before calls do once, before the first request of a method to a path that ends so.
func before(method, path string, do func()) func(http.RoundTripper) http.RoundTripper {
	var once sync.Once
	return func(next http.RoundTripper) http.RoundTripper {
		return tripper(func(r *http.Request) (*http.Response, error) {
			if r.Method == method && strings.HasSuffix(r.URL.Path, path) {
				once.Do(do)
			}
			return next.RoundTrip(r)
		})
	}
}

type tripper func(*http.Request) (*http.Response, error)

func (t tripper) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }

func orphans(p *place) {
	p.claims("lost", "data", "other")
	var taken []volsnap.Snapshot
	for i := range 3 {
		taken = append(taken, p.take("lost", fmt.Sprintf("lost-%d", i))...)
	}
	p.deleteNamespace("lost")
	p.stored(taken, true, true, true, true, true, true)
	plan := p.plan("lost", newest(2))
	p.says(plan, "chosen", "chosen", "delete", "chosen", "chosen", "delete")
	if s := plan.Items[5].Snapshots[0]; s.Claim != "other" || s.Namespace != "lost" || s.UID != "" || !s.Pinned {
		p.Errorf("the oldest of the other claim is %+v", s)
	}
	must(p, p.run(plan, prune.RunOptions{}).Err())
	p.stored(taken, false, false, true, true, true, true)
	p.gone(taken[:2]...)
	plan = p.plan("lost", newest(0))
	p.says(plan, "the last good one", "delete", "the last good one", "delete")
	must(p, p.run(plan, prune.RunOptions{}).Err())
	p.stored(taken, false, false, false, false, true, true)

	// The claims come back: what there was before them counts for them.
	p.claims("lost", "data")
	late := p.take("lost", "lost-9")
	p.says(p.plan("lost", newest(1)), "chosen", "delete", "chosen")
	must(p, p.run(p.plan("lost", newest(1)), prune.RunOptions{}).Err())
	p.stored(append(late, taken[4:]...), true, false, true)
}

// unseen deletes snapshots while no controller looks, as a namespace that is emptied by force.
func unseen(p *place) {
	p.claims("unseen", "data")
	taken := p.runs("unseen", 2)
	p.lose(taken...)
	plan := p.plan("unseen", newest(1))
	p.says(plan, "chosen", "delete")
	must(p, p.run(plan, prune.RunOptions{}).Err())
	p.stored(taken, false, true)
	p.gone(taken[0])
}

// group makes a group snapshot of two claims as a run does, pinned, and gives its members.
func (p *place) group(namespace, run string) []volsnap.Snapshot {
	p.Helper()
	name := namespace + "-" + run
	p.bed.Create(p, csibed.Groups, &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": csibed.Groups.GroupVersion().String(), "kind": "VolumeGroupSnapshot",
		"metadata": map[string]any{"namespace": namespace, "name": name, "labels": map[string]any{"clustersnap.github.io/run": run}},
		"spec": map[string]any{
			"volumeGroupSnapshotClassName": p.driver.Name,
			"source": map[string]any{"selector": map[string]any{"matchExpressions": []any{
				map[string]any{"key": "claim", "operator": "Exists"},
			}}},
		},
	}})
	made := p.bed.Until(p, csibed.Groups, namespace, name, func(u *unstructured.Unstructured) bool {
		ready, _, _ := unstructured.NestedBool(u.Object, "status", "readyToUse")
		return ready
	})
	content, _, _ := unstructured.NestedString(made.Object, "status", "boundVolumeGroupSnapshotContentName")
	p.patch(csibed.GroupContents, "", content, `{"spec":{"deletionPolicy":"Retain"}}`)
	var members []volsnap.Snapshot
	for len(members) < 2 { // the members of a group that is ready may not be
		all, err := p.cluster.List(p.ctx, []string{namespace}, "")
		must(p, err)
		members = nil
		for _, s := range all {
			if s.Group == name && s.Ready && s.Handle != "" {
				members = append(members, s)
			}
		}
	}
	for _, s := range members {
		p.patch(csibed.Contents, "", s.Content,
			`{"metadata":{"labels":{"clustersnap.github.io/run":"`+run+`"}},"spec":{"deletionPolicy":"Retain"}}`)
	}
	return members
}

func groups(p *place) {
	p.claims("grouped", "a", "b")
	first, second, third := p.group("grouped", "one"), p.group("grouped", "two"), p.group("grouped", "three")
	plan := p.plan("grouped", func(series []volsnap.Snapshot) []bool {
		keep := newest(1)(series)
		if series[0].Claim == "b" { // one member alone keeps its group
			keep[1] = true
		}
		return keep
	})
	p.says(plan, "one of its group is kept x2", "one of its group is kept x2", "delete x2")
	must(p, p.run(plan, prune.RunOptions{}).Err())
	p.gone(first...)
	p.stored(first, false, false)
	p.stored(append(second, third...), true, true, true, true)
	list, err := p.bed.Dynamic.Resource(csibed.GroupContents).List(p.ctx, metav1.ListOptions{})
	must(p, err)
	if n := len(list.Items); n != 2 {
		p.Errorf("there are %d contents of groups, want 2", n)
	}
}

func orphanGroups(p *place) {
	p.claims("lostgroup", "a", "b")
	first, second := p.group("lostgroup", "one"), p.group("lostgroup", "two")
	p.deleteNamespace("lostgroup")
	p.stored(append(first, second...), true, true, true, true)
	plan := p.plan("lostgroup", newest(1))
	p.says(plan, "one of its group is kept x2", "delete x2")
	must(p, p.run(plan, prune.RunOptions{}).Err())
	p.gone(first...)
	p.stored(first, false, false)
	p.stored(second, true, true)

	// What a group lacks keeps it.
	label := `{"metadata":{"labels":{"clustersnap.github.io/run":%s}}}`
	p.patch(csibed.Contents, "", second[0].Content, fmt.Sprintf(label, "null"))
	p.says(p.plan("lostgroup", newest(0)), "not all of its group was pinned by the run x2")
	p.patch(csibed.Contents, "", second[0].Content, fmt.Sprintf(label, `"two"`))
	p.says(p.plan("lostgroup", newest(0)), "one of its group is kept x2")
	at := p.bed.Dynamic.Resource(csibed.GroupContents)
	list, err := at.List(p.ctx, metav1.ListOptions{})
	must(p, err)
	for _, u := range list.Items {
		if of, _, _ := unstructured.NestedString(u.Object, "spec", "volumeGroupSnapshotRef", "namespace"); of == "lostgroup" {
			must(p, at.Delete(p.ctx, u.GetName(), metav1.DeleteOptions{}))
			p.bed.Gone(p, csibed.GroupContents, "", u.GetName())
		}
	}
	p.says(p.plan("lostgroup", newest(0)), "its group is not whole: what the storage has would stay x2")
}
