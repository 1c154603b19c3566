package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/clustersnap/clustersnap"
	"github.com/clustersnap/clustersnap/kubeadm"
	"github.com/clustersnap/clustersnap/kubeadm/restore"
)

// plan is that of a restore that has not ended, or a new one: for the node as it is, or as it was if its manifests are lost.
func (r *restoreFlags) plan(out steps, set *clustersnap.Set, now time.Time) (*restore.Plan, error) {
	was, err := readNode(set)
	if err != nil {
		return nil, err
	}
	plan, err := r.begun(out, set, was)
	if !errors.Is(err, restore.ErrNone) {
		return plan, err
	}
	node, err := kubeadm.Read(kubeadm.NodeFS(r.root), kubeadm.Options{})
	lost := errors.Is(err, kubeadm.ErrNoEtcd) || errors.Is(err, fs.ErrNotExist)
	if lost || err == nil && (node.Etcd.External && !was.Etcd.External || lacks(node, was)) {
		node, err = was, nil
	}
	if err != nil {
		return nil, err
	}
	if node.Etcd.DataDir.Value != was.Etcd.DataDir.Value { // it has moved since the backup
		plan, err := r.begun(out, set, node)
		if !errors.Is(err, restore.ErrNone) {
			return plan, err
		}
	}
	opts, err := r.planOptions(set)
	if err != nil {
		return nil, err
	}
	return restore.New(node, now, opts), nil
}

// begun is the plan of the restore of a node that has not ended. It goes on with the set that it was begun with and no other:
// what was staged, and may serve by now, is of that.
func (r *restoreFlags) begun(out steps, set *clustersnap.Set, node *kubeadm.Node) (*restore.Plan, error) {
	plan, err := restore.Unfinished(r.root, node.Etcd.DataDir.Value)
	if err != nil {
		return nil, err
	}
	if is := sourceOf(set); plan.Source != "" && plan.Source != is { // those of before have none
		return nil, fmt.Errorf("the restore %s of the %s has not ended, and this is the %s: give the file of that one, or take it "+
			"back by \"clustersnap restore undo\"", plan.ID, plan.Source, is)
	}
	plan.Alone = plan.Alone || r.alone
	out.line("goes on", plan.ID+", which was begun before")
	return plan, nil
}

// sourceOf tells a set from all others.
func sourceOf(set *clustersnap.Set) string {
	digest := sha256.New()
	for _, m := range set.Members() {
		fmt.Fprintf(digest, "%q %d %d\n", m.Name, m.Size, m.CRC32)
	}
	return fmt.Sprintf("backup of %s, %.8x", set.Created().UTC().Format(time.RFC3339), digest.Sum(nil))
}

// planOptions are what the snapshot says of itself.
func (r *restoreFlags) planOptions(set *clustersnap.Set) (restore.PlanOptions, error) {
	src, saved, err := openSnapshot(set)
	if err != nil {
		return restore.PlanOptions{}, err
	}
	// 160 MiB beside the snapshot are what etcdsnap/restore says that it needs.
	opts := restore.PlanOptions{Source: sourceOf(set), Room: saved.Size + 160<<20, Alone: r.alone}
	if saved.Content != nil {
		for _, m := range saved.Content.Members {
			opts.Members = append(opts.Members, kubeadm.Member(m))
		}
	}
	return opts, src.Close()
}

// lacks reports whether a program runs no more that was there when the node was backed up.
func lacks(node, was *kubeadm.Node) bool {
	return slices.ContainsFunc(was.Programs, func(old kubeadm.Program) bool {
		return !slices.ContainsFunc(node.Programs, func(p kubeadm.Program) bool { return p.Name == old.Name })
	})
}

// onlyPlanned refuses to do what is to be printed for a program: it would read a report in its midst.
func (r *restoreFlags) onlyPlanned(yes bool) error {
	if yes && r.as.machine() {
		return errors.New("-o prints the plan and does nothing: leave --yes out")
	}
	return nil
}

// refused is an error for a plan that can't be carried out.
func refused(plan *restore.Plan) error {
	if len(plan.Refused) == 0 {
		return nil
	}
	return errors.New(strings.Join(plan.Refused, "; "))
}

// printPlan prints what would be done, if that is anything.
func printPlan(out steps, plan *restore.Plan) error {
	if err := refused(plan); err != nil {
		return err
	}
	for line := range strings.Lines(plan.String()) {
		out.text(strings.TrimSuffix(line, "\n"))
	}
	out.line("good", "nothing was done: add --yes")
	return nil
}
