package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/clustersnap/clustersnap"
	"github.com/clustersnap/clustersnap/volsnap"
)

// reasons are what --accept takes.
var reasons = []string{
	string(volsnap.ReasonHostPath), string(volsnap.ReasonLocal), string(volsnap.ReasonNFS), string(volsnap.ReasonNotCSI),
	string(volsnap.ReasonMigrated), string(volsnap.ReasonEphemeral), string(volsnap.ReasonUnbound), string(volsnap.ReasonLost),
	string(volsnap.ReasonDeleting), string(volsnap.ReasonForbidden), string(volsnap.ReasonNoClass),
	string(volsnap.ReasonSeveralClasses), string(volsnap.ReasonClassMissing), string(volsnap.ReasonOtherDriver),
}

// check refuses flags that can't be meant.
func (t *taking) check(claims []string) error {
	if len(claims) > 0 && (len(t.namespaces) > 0 || t.selector != "") {
		return errors.New("claims that are named take no -n and no -l")
	}
	for _, claim := range claims {
		if _, _, err := snapshotName(claim); err != nil {
			return fmt.Errorf("%.100q is not NAMESPACE/CLAIM", claim)
		}
	}
	if t.hooks != "none" && t.hooks != "velero" {
		return fmt.Errorf("--hooks is velero or none, not %.50q", t.hooks)
	}
	if t.inFlight < 1 {
		return fmt.Errorf("--in-flight is 1 or more, not %d", t.inFlight)
	}
	if _, err := labels.Parse(t.selector); err != nil {
		return fmt.Errorf("--selector: %w", err)
	}
	if wrong := validation.IsQualifiedName(t.groupBy); t.groupBy != "" && len(wrong) > 0 {
		return fmt.Errorf("--group-by %.100q is no key of a label: %s", t.groupBy, wrong[0])
	}
	if t.ownWay != "" {
		if _, err := exec.LookPath(t.ownWay); err != nil {
			return fmt.Errorf("--own-way: %w", err)
		}
	}
	for _, r := range t.accept {
		if !slices.Contains(reasons, r) {
			return fmt.Errorf("--accept knows no %.50q: it takes %s", r, strings.Join(reasons, ", "))
		}
	}
	return checkRun(t.run)
}

// checkRun refuses what no run can have as its ID.
func checkRun(run string) error {
	if wrong := validation.IsValidLabelValue(run); len(wrong) > 0 {
		return fmt.Errorf("--run %.100q can't be a label: %s", run, wrong[0])
	}
	return nil
}

// check refuses flags that can't be meant.
func (p *pruning) check() error {
	if p.keep == (clustersnap.Retention{}) {
		return errors.New("say what to keep, such as --keep-last 3 --keep-daily 14")
	}
	for _, n := range []int{p.keep.Last, p.keep.Hourly, p.keep.Daily, p.keep.Weekly, p.keep.Monthly, p.keep.Yearly} {
		if n < -1 {
			return fmt.Errorf("a --keep flag is a number to keep, or -1 for all, not %d", n)
		}
	}
	if p.inFlight < 0 {
		return fmt.Errorf("--in-flight is 0 or more, not %d", p.inFlight)
	}
	if p.leftover < 0 || p.safety < 0 {
		return errors.New("--leftover and --safety are ages, and not less than 0")
	}
	return nil
}

// checkPlaces is for a slip in -n: a namespace in which nothing was found must be there at least. One that is gone may have
// left pinned snapshots.
func (v *volumeFlags) checkPlaces(ctx context.Context, c *volsnap.Cluster, found []volsnap.Snapshot) error {
	for _, name := range v.namespaces {
		if slices.ContainsFunc(found, func(s volsnap.Snapshot) bool { return s.Namespace == name }) {
			continue
		}
		if err := namespaceIsThere(ctx, c, name); err != nil {
			return err
		}
	}
	return nil
}

// namespaceIsThere lets pass what may not be looked at.
func namespaceIsThere(ctx context.Context, c *volsnap.Cluster, name string) error {
	all := schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}
	_, err := c.Dynamic().Resource(all).Get(ctx, name, metav1.GetOptions{})
	switch {
	case err == nil || apierrors.IsForbidden(err):
		return nil
	case apierrors.IsNotFound(err):
		return fmt.Errorf("there is no namespace %.100q: look at how it is written", name)
	default:
		return err
	}
}

// whereSnapshotsAre says where to look for a snapshot that is not there.
func whereSnapshotsAre(err error) error {
	status := (*apierrors.StatusError)(nil)
	if !errors.As(err, &status) || !apierrors.IsNotFound(err) || errors.Is(err, volsnap.ErrNotServed) {
		return err
	}
	if d := status.ErrStatus.Details; d != nil && d.Kind == "volumesnapshots" {
		return fmt.Errorf("%w: clustersnap volumes list shows what there is", err)
	}
	return err
}

// checkPlan refuses a plan of nothing, one for a cluster without snapshots, and a --class for nobody: they would look like good
// backups.
func (t *taking) checkPlan(plan *volsnap.Plan) error {
	if len(plan.Volumes) == 0 {
		return errors.New("nothing is selected: there is no claim, and no volume of a pod, that -n and -l or the names stand for")
	}
	for _, l := range plan.Missing {
		if l.Verb == "" && strings.HasPrefix(l.Resource, "volumesnapshots.") {
			return volsnap.ErrNotServed
		}
	}
	drivers := map[string]bool{}
	for _, v := range plan.Volumes {
		drivers[v.Driver] = true
	}
	for driver := range t.class {
		if !drivers[driver] {
			return fmt.Errorf("--class names driver %.100q, and no volume of the plan has it", driver)
		}
	}
	return nil
}
