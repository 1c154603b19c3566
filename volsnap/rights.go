package volsnap

import (
	"context"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/clustersnap/clustersnap/volsnap/internal/api"
)

// Lack is a right that a run would use and whoever asks has not, or an API that is not served.
type Lack struct {
	Namespace string `json:"namespace,omitempty"` // "" for all of them
	Verb      string `json:"verb,omitempty"`      // of a right; "" if the API is not served
	Resource  string `json:"resource"`            // such as volumesnapshotcontents.snapshot.storage.k8s.io
	Means     string `json:"means"`               // what follows, as a sentence
}

// String is the lack as a sentence.
func (l Lack) String() string {
	if l.Verb == "" {
		return fmt.Sprintf("%s is not served: %s", l.Resource, l.Means)
	}
	where := ""
	if l.Namespace != "" {
		where = " in namespace " + l.Namespace
	}
	return fmt.Sprintf("no right to %s %s%s: %s", l.Verb, l.Resource, where, l.Means)
}

func (p *planner) lack(namespace, verb, resource, means string) {
	p.plan.Missing = append(p.plan.Missing, Lack{Namespace: namespace, Verb: verb, Resource: resource, Means: means})
}

// right is a right of a run.
type right struct {
	verb  string
	at    schema.GroupResource
	means string // what its lack means; "" if nothing can be taken without
}

const noGroup = "no group can be cut at one instant"

// In each namespace, and for the whole cluster.
var (
	neededPerNamespace = []right{
		{"create", api.Snapshots.GroupResource(), ""},
		{"get", api.Snapshots.GroupResource(), ""},
		{"list", api.Snapshots.GroupResource(), ""},
		{"watch", api.Snapshots.GroupResource(), ""},
		{"delete", api.Snapshots.GroupResource(), "a snapshot that fails is left, and its claim can't be deleted while it is there"},
	}
	neededForGroups = []right{
		{"create", ofGroups(api.GroupSnapshots), noGroup},
		{"get", ofGroups(api.GroupSnapshots), noGroup},
		{"watch", ofGroups(api.GroupSnapshots), "a group that can't be cut is given up late, so pods are frozen for longer"},
		{"delete", ofGroups(api.GroupSnapshots), "a group that fails is left"},
		{"patch", api.Claims.GroupResource(), noGroup + ": its claims are found by a label"},
		{"patch", api.Snapshots.GroupResource(), "members of groups are not found again: they are given the label of the run"},
	}
	neededForAllGroups = []right{
		{"list", ofGroups(api.GroupClasses), noGroup},
		{"get", ofGroups(api.GroupContents), "the cut of a group is seen later, on the group, so pods are frozen for longer"},
		{"watch", ofGroups(api.GroupContents), "the cut of a group is seen later, on the group, so pods are frozen for longer"},
		{"patch", ofGroups(api.GroupContents), "groups can't be pinned: they go when their namespace is deleted"},
	}
	neededForContents = []right{
		{"get", api.Contents.GroupResource(), "what an earlier call made is looked for in all contents, and diagnoses say less"},
		{"list", api.Contents.GroupResource(), "a cut is seen later, on the snapshot, so pods are frozen for longer"},
		{"watch", api.Contents.GroupResource(), "a cut is seen later, on the snapshot, so pods are frozen for longer"},
		{"patch", api.Contents.GroupResource(), "snapshots can't be pinned: they go when their namespace is deleted"},
	}
	neededForMigrated = right{"create", api.Contents.GroupResource(), ""}
	neededForExec     = []right{
		{"get", api.Pods.GroupResource(), "no pod can be brought to rest by a command, and what it mounts is not taken then"},
		{"create", schema.GroupResource{Resource: "pods/exec"},
			"no pod can be brought to rest by a command, and what it mounts is not taken then"},
	}
)

func ofGroups(resource string) schema.GroupResource {
	return schema.GroupResource{Group: api.GroupSnapshotGroup, Resource: resource}
}

// checkRights asks for the rights of a run, in the namespaces that it would write to.
func (p *planner) checkRights(ctx context.Context) error {
	var places, mounted []string
	migrated := false
	for _, v := range p.plan.Volumes {
		if v.Reason != "" {
			continue
		}
		places, migrated = append(places, v.Namespace), migrated || v.Migrated
		if len(v.Pods) > 0 {
			mounted = append(mounted, v.Namespace)
		}
	}
	places = slices.Compact(slices.Sorted(slices.Values(places)))
	if len(places) == 0 {
		return nil
	}
	needed, once := neededPerNamespace, neededForContents
	if p.plan.Groups != "" {
		needed, once = slices.Concat(needed, neededForGroups), slices.Concat(once, neededForAllGroups)
	}
	for _, r := range needed {
		if err := p.checkRight(ctx, r, places); err != nil {
			return err
		}
	}
	for _, r := range once {
		if err := p.checkRight(ctx, r, nil); err != nil {
			return err
		}
	}
	if mounted = slices.Compact(slices.Sorted(slices.Values(mounted))); p.opts.Exec && len(mounted) > 0 {
		for _, r := range neededForExec {
			if err := p.checkRight(ctx, r, mounted); err != nil {
				return err
			}
		}
	}
	if !migrated {
		return nil
	}
	ok, err := p.may(ctx, neededForMigrated, "")
	if err == nil && !ok {
		p.forbid(neededForMigrated, func(v *Volume) bool { return v.Migrated })
	}
	return err
}

// checkRight asks for one right, first for all namespaces at once. Without places it is one of what has no namespace.
func (p *planner) checkRight(ctx context.Context, r right, places []string) error {
	ok, err := p.may(ctx, r, "")
	if ok || err != nil {
		return err
	}
	if places == nil {
		p.lack("", r.verb, r.at.String(), r.means)
	}
	for _, place := range places {
		switch ok, err := p.may(ctx, r, place); {
		case err != nil:
			return err
		case ok:
		case r.means == "":
			p.forbid(r, func(v *Volume) bool { return v.Namespace == place })
		default:
			p.lack(place, r.verb, r.at.String(), r.means)
		}
	}
	return nil
}

// may takes a cluster that answers no such questions for one that allows what is asked: the run will see.
func (p *planner) may(ctx context.Context, r right, namespace string) (bool, error) {
	ok, err := api.May(ctx, p.cluster.dynamic, r.verb, r.at, namespace)
	if apierrors.IsForbidden(err) || apierrors.IsNotFound(err) {
		return true, nil
	}
	return ok, err
}

// forbid tells of each of these volumes that a right is missing without which it can't be taken.
func (p *planner) forbid(r right, these func(*Volume) bool) {
	for i := range p.plan.Volumes {
		if v := &p.plan.Volumes[i]; v.Reason == "" && these(v) {
			v.Class, v.Reason = "", ReasonForbidden
			v.Detail = fmt.Sprintf("no right to %s %s for it: see Rights in the package documentation", r.verb, r.at)
		}
	}
}
