package main

import (
	"cmp"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/clustersnap/clustersnap"
	"github.com/clustersnap/clustersnap/kubeadm"
	"github.com/clustersnap/clustersnap/kubeadm/rehost"
	"github.com/clustersnap/clustersnap/kubeadm/restore"
	"github.com/clustersnap/clustersnap/pkibundle"
)

// hostPlan is a restore on another host.
type hostPlan struct {
	*movedNode
	plan   *restore.Plan
	done   *restore.Report // where the restore was done before, and there is no plan
	left   *rehost.Plan    // what is to be done once it runs
	others []rehost.Step   // of other nodes, as they were
	lost   []string        // that no backup has
}

// prepare makes the plan and the files of a restore on another host, or finds the plan that was begun. The caller clears the
// bundle.
func (h *hostRestore) prepare(ctx context.Context, out steps, from *moving) (*hostPlan, error) {
	hostname, err := os.Hostname()
	if err != nil {
		return nil, err
	}
	m, err := moveNode(from.old, from.to, hostname, from.now)
	if err != nil {
		return nil, err
	}
	p := &hostPlan{movedNode: m}
	if err := h.complete(ctx, out, from.set, from.was, p, from.now); err != nil {
		m.bundle.Clear()
		return nil, err
	}
	return p, nil
}

func (h *hostRestore) complete(
	ctx context.Context, out steps, set *clustersnap.Set, was *kubeadm.Node, p *hostPlan, now time.Time,
) error {
	past, err := readPast(ctx, set, p.bundle, prefixOf(was), filepath.Join(h.root, p.node.Etcd.DataDir.Value))
	if err != nil {
		return err
	}
	if p.left, err = rehost.Finish(&past.Objects, p.from, p.to); err != nil {
		return err
	}
	p.findings = append(p.findings, p.left.Findings...)
	p.changes = append(p.changes, p.left.Changes...)
	p.bundle.Files = append(p.bundle.Files, kubeadmFile(p.left))
	slices.SortFunc(p.bundle.Files, byPath)
	p.lost = past.onDiskOf(p.from.Name)
	if err := p.findOthers(past, now); err != nil {
		return err
	}
	p.plan, err = h.begun(out, set, p.node)
	if err == nil {
		return p.sameHost()
	}
	if !errors.Is(err, restore.ErrNone) {
		return err
	}
	if p.done, err = p.before(h.root, set); err != nil || p.done != nil {
		return err
	}
	if err := cmp.Or(emptyHost(h.root, p.node), ownAddress(p.to.Address)); err != nil {
		return err
	}
	opts, err := h.planOptions(set)
	if err != nil {
		return err
	}
	opts.Members = append(opts.Members, p.oldMembers(was)...)
	p.plan = restore.New(p.node, now, opts)
	return nil
}

// restore carries the plan out.
func (h *hostRestore) restore(ctx context.Context, out steps, set *clustersnap.Set, p *hostPlan) (*restore.Report, error) {
	host, end, err := h.host(out)
	if err != nil {
		return nil, err
	}
	defer end()
	from := restoreSource{set: set, bundle: p.bundle, root: h.root, plan: p.plan}
	files := func(_ context.Context, parent *os.Root, name string) error {
		node := kubeadm.NodeFS(h.root)
		changes, err := pkibundle.Changes(node, p.bundle)
		if err != nil {
			return err
		}
		return pkibundle.Extract(parent, name, toBringTo(p.bundle, changes), pkibundle.ExtractOptions{Names: node})
	}
	report, err := restore.Run(ctx, host, p.plan, restore.Source{Stage: from.stage, Files: files})
	printReport(out, report)
	return report, err
}
