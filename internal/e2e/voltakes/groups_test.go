package voltakes

import (
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/clustersnap/clustersnap/internal/e2e/csibed"
	"github.com/clustersnap/clustersnap/volsnap"
)

func all(volsnap.Volume) string { return "all" }

// group is one instant for all, and a second call finds what the controllers made.
func group(p *place) {
	p.fill("group", p.Drivers[0], names(5)...)
	c, made := p.cluster()
	plan := p.plan(c, "group")
	opts := volsnap.TakeOptions{Run: "group", Group: all, Ready: true}
	account := p.take(c, plan, opts)
	first := account.Volumes[0].Snapshot
	for _, r := range account.Volumes {
		s := r.Snapshot
		if s.Claim != r.Claim || s.Volume != r.Handle || s.Run != "group" || !s.Pinned || !s.Ready || s.Group == "" ||
			s.GroupHandle == "" || s.GroupHandle != first.GroupHandle {
			p.Errorf("snapshot of claim %s is %+v", r.Claim, *s)
		}
	}
	if len(account.Notes) > 0 {
		p.Errorf("notes are %q", account.Notes)
	}
	p.unlabelled()
	clear(made.of)
	again := p.take(c, plan, opts)
	for i, r := range again.Volumes {
		if r.Snapshot.UID != account.Volumes[i].Snapshot.UID {
			p.Errorf("a second call gives %+v, and the first %+v", *r.Snapshot, *account.Volumes[i].Snapshot)
		}
	}
	if made.of["create volumegroupsnapshots"]+made.of["create volumesnapshots"] > 0 {
		p.Errorf("a second call made %v", made.of)
	}
	listed, err := c.List(p.ctx, []string{"group"}, "group")
	must(p, err)
	if len(listed) != 5 {
		p.Errorf("listed are %v", listed)
	}
	p.outlive("group", listed)
}

// outlive deletes a namespace, and wants the driver to have what was taken of it.
func (p *place) outlive(namespace string, taken []volsnap.Snapshot) {
	p.Helper()
	must(p, p.Client.CoreV1().Namespaces().Delete(p.ctx, namespace, metav1.DeleteOptions{}))
	p.Gone(p, csibed.Snapshots.GroupVersion().WithResource("volumesnapshots"), namespace, taken[0].Name)
	for _, s := range taken {
		p.Gone(p, csibed.Snapshots, namespace, s.Name)
		if !slices.Contains(p.Drivers[0].Snapshots(), s.Handle) {
			p.Errorf("the driver does not have snapshot %s of claim %s any more", s.Handle, s.Claim)
		}
		content, err := p.Dynamic.Resource(csibed.Contents).Get(p.ctx, s.Content, metav1.GetOptions{})
		must(p, err)
		if content.GetAnnotations()["clustersnap.github.io/claim"] != s.Claim {
			p.Errorf("content %s does not say what claim it is of: %v", s.Content, content.GetAnnotations())
		}
	}
}

// groupWithoutClass is cut one by one, and says so with the spread.
func groupWithoutClass(p *place) {
	p.fill("ungrouped", p.Drivers[0], "data-0", "data-1")
	p.claim("ungrouped", "share-0", p.Drivers[1])
	p.claim("ungrouped", "share-1", p.Drivers[1])
	must(p, p.Dynamic.Resource(csibed.GroupClasses).Delete(p.ctx, p.Drivers[1].Name, metav1.DeleteOptions{}))
	defer p.Create(p, csibed.GroupClasses, &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": csibed.GroupClasses.GroupVersion().String(), "kind": "VolumeGroupSnapshotClass",
		"metadata": map[string]any{"name": p.Drivers[1].Name}, "driver": p.Drivers[1].Name, "deletionPolicy": "Delete",
	}})
	c, _ := p.cluster()
	account := p.take(c, p.plan(c, "ungrouped"), volsnap.TakeOptions{Run: "ungrouped", Group: all})
	notes := strings.Join(account.Notes, "\n")
	for _, want := range []string{"it is 2 groups", "driver share.csi.test has 0 classes"} {
		if !strings.Contains(notes, want) {
			p.Errorf("notes are %q, want %q", notes, want)
		}
	}
	grouped := 0
	for _, r := range account.Volumes {
		if r.Snapshot.Group != "" {
			grouped++
		}
	}
	if grouped != 2 || account.Spread == 0 {
		p.Errorf("%d are of a group, want 2; the spread is %v", grouped, account.Spread)
	}
}
