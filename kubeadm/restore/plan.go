package restore

import (
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/clustersnap/clustersnap/kubeadm"
)

// Plan says what a restore of one control-plane node will do, in order. It reads back from its JSON unchanged, and holds no
// secrets.
type Plan struct {
	// ID is the time of the plan, and part of the name of everything that the restore puts beside something else.
	ID string `json:"id"`
	// Node is the control-plane node: as it is now, or as it was backed up if its manifests are lost.
	Node *kubeadm.Node `json:"node"`
	// Source is what is restored, as the caller has named it.
	Source string `json:"source,omitempty"`
	// Room is how many bytes the restored data takes until it is in place.
	Room int64 `json:"room"`
	// Members are those that the cluster had when it was backed up: none but the node's own may answer any more.
	Members []kubeadm.Member `json:"members,omitempty"`
	// Alone says that no other member is looked for: see [PlanOptions].
	Alone bool          `json:"alone,omitempty"`
	Steps []PlannedStep `json:"steps"`
	// Refused says why nothing of this will be done, a sentence each. It is empty for a plan that [Run] takes.
	Refused []string `json:"refused,omitempty"`
}

// PlannedStep is one step of a plan.
type PlannedStep struct {
	Name string `json:"name"`
	// Needs are what must be true before the step, Does what it changes and waits for, and Undo what takes it back.
	Needs []string `json:"needs,omitempty"`
	Does  []string `json:"does"`
	Undo  string   `json:"undo"`
}

// PlanOptions changes what New plans.
type PlanOptions struct {
	// Source names what is restored, such as the time and digest of a backup. [Run] does not look at it: who goes on with the plan
	// that [Unfinished] gives can see by it whether that is of the same.
	Source string
	// Room is how many bytes the restored data takes: for etcdsnap/restore the size of the snapshot and 160 MiB. Free space is
	// not looked at if it is 0.
	Room int64
	// Members are those that the cluster is known to have had, as the snapshot has them: see Content of etcdsnap. They are looked
	// for beside those that the running etcd and its manifest name. Without them and without a running etcd nobody knows who
	// else may serve, and [Run] refuses.
	Members []kubeadm.Member
	// Alone is the caller's word that no other member of the old cluster serves, or ever will again. Then none is looked for: if
	// the word is wrong, there are two clusters.
	Alone bool
}

// New plans the restore of a node. It is pure: it reads and changes nothing.
func New(node *kubeadm.Node, now time.Time, opts PlanOptions) *Plan {
	id := strings.Replace(now.UTC().Format("20060102t150405.000z"), ".", "", 1)
	p := &Plan{ID: id, Node: node, Source: opts.Source, Room: opts.Room, Members: opts.Members, Alone: opts.Alone}
	p.Refused = p.refusals()
	if len(p.Refused) == 0 {
		p.Steps = p.steps()
	}
	return p
}

// programs are those that are stopped and started, in the order in which they start.
func programs() []string {
	return []string{etcd, apiServer, controllerManager, scheduler}
}

const (
	etcd              = "etcd"
	apiServer         = "kube-apiserver"
	controllerManager = "kube-controller-manager"
	scheduler         = "kube-scheduler"
)

// pod is a static pod that is stopped and started by its manifest.
type pod struct {
	program   string
	manifest  string // relative to the node's root
	container string
}

// pods are those that the node has of programs, in their order.
func (p *Plan) pods() []pod {
	var found []pod
	for _, name := range programs() {
		for _, program := range p.Node.Programs {
			if program.Name == name {
				source := program.Image.Source
				found = append(found, pod{name, source.File, source.Container})
			}
		}
	}
	return found
}

// has reports whether the node has a static pod that runs a program.
func (p *Plan) has(program string) bool {
	return slices.ContainsFunc(p.pods(), func(one pod) bool { return one.program == program })
}

// refusals are what the node's own description is enough for.
func (p *Plan) refusals() []string {
	var found []string
	refuse := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	e := &p.Node.Etcd
	switch {
	case p.Node.Distribution != "kubeadm":
		refuse("the node was set up by %s: use the restore of that", p.Node.Distribution)
	case e.External:
		refuse("etcd runs elsewhere: restore it there, and start kube-apiserver afterwards")
	case !p.has(etcd):
		refuse("no static pod of the node runs etcd: give the node as it was backed up")
	}
	if len(found) > 0 {
		return found
	}
	if !strings.HasPrefix(e.DataDir.Value, "/") || path.Clean(e.DataDir.Value) == "/" {
		refuse("etcd's data directory is not known: it is %q", e.DataDir.Value)
	}
	if e.WALDir.Value != "" {
		refuse("etcd keeps its log in %s, apart from its data: restore it by etcdsnap/restore, which can", e.WALDir.Value)
	}
	if e.Name.Value == "" || len(e.PeerURLs) == 0 || len(e.Endpoints) == 0 {
		refuse("name, peer URL and client URL of the etcd member are not all known")
	}
	dir := path.Dir(p.pods()[0].manifest)
	for _, one := range p.pods() {
		if path.Dir(one.manifest) != dir || !filepath.IsLocal(one.manifest) || dir == "." {
			refuse("the manifest %s is not in the directory %s: put the manifests into one directory", one.manifest, dir)
		}
	}
	return found
}
