package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"filippo.io/age"

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
func (h *hostRestore) prepare(
	ctx context.Context, out steps, set *clustersnap.Set, identities []age.Identity, to rehost.Host, now time.Time,
) (*hostPlan, error) {
	was, err := readNode(set)
	if err != nil {
		return nil, err
	}
	if was.Etcd.External {
		return nil, errors.New("etcd of this cluster runs elsewhere: restore it there")
	}
	old, err := openPKI(set, identities)
	if err != nil {
		return nil, err
	}
	defer old.Clear()
	hostname, err := os.Hostname()
	if err != nil {
		return nil, err
	}
	m, err := moveNode(old, to, hostname, now)
	if err != nil {
		return nil, err
	}
	p := &hostPlan{movedNode: m}
	if err := h.complete(ctx, out, set, was, p, now); err != nil {
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

// before is the restore of the same set that was done on this machine, if one was: nothing but the commands after it is left.
// They end with the removal of kubeadm's configuration.
func (p *hostPlan) before(root string, set *clustersnap.Set) (*restore.Report, error) {
	report, err := restore.Last(root, p.node.Etcd.DataDir.Value)
	if errors.Is(err, restore.ErrNone) {
		return nil, nil
	}
	if err != nil || report.Source != sourceOf(set) {
		return nil, err
	}
	now, err := kubeadm.Read(kubeadm.NodeFS(root), kubeadm.Options{})
	if err != nil {
		return nil, err
	}
	if now.Etcd.Name.Value != p.node.Etcd.Name.Value || now.Etcd.InitialCluster.Value != p.node.Etcd.InitialCluster.Value {
		return nil, nil
	}
	if _, err := os.Lstat(filepath.Join(root, p.left.ConfigPath)); errors.Is(err, os.ErrNotExist) {
		p.left.Steps = nil
	}
	return report, nil
}

// findOthers plans what the other nodes need to find the new host, as if all were as they have been.
func (p *hostPlan) findOthers(past *pastObjects, now time.Time) error {
	join, err := rehost.Join(&past.Objects, p.from, p.to, nil, nil, now)
	if err != nil {
		return err
	}
	for _, s := range join.Steps {
		if s.Node != p.to.Name {
			p.others = append(p.others, s)
		}
	}
	return nil
}

// sameHost holds the plan that was begun against the one that is asked for.
func (p *hostPlan) sameHost() error {
	begun, now := p.plan.Node.Etcd, p.node.Etcd
	if begun.Name.Value != now.Name.Value || begun.InitialCluster.Value != now.InitialCluster.Value {
		return fmt.Errorf("a restore of %s has not ended here: give that name and address, or take it back by "+
			"\"clustersnap restore undo\"", begun.InitialCluster.Value)
	}
	return nil
}

func prefixOf(node *kubeadm.Node) string {
	if node.APIServer == nil {
		return ""
	}
	return node.APIServer.EtcdPrefix.Value
}

// oldMembers are those that must not answer any more: the old machine's own, which the new one may have the name of, and those
// that its manifest names.
func (p *hostPlan) oldMembers(was *kubeadm.Node) (all []kubeadm.Member) {
	var own, clients []string
	for _, u := range was.Etcd.PeerURLs {
		own = append(own, u.Value)
	}
	for _, u := range was.Etcd.ClientURLs {
		clients = append(clients, u.Value)
	}
	old := kubeadm.Member{Name: was.Etcd.Name.Value + " of the old machine", PeerURLs: own, ClientURLs: clients}
	all = append(all, old)
	for entry := range strings.SplitSeq(was.Etcd.InitialCluster.Value, ",") {
		if name, u, ok := strings.Cut(entry, "="); ok && !slices.Contains(own, u) {
			all = append(all, kubeadm.Member{Name: name, PeerURLs: []string{u}})
		}
	}
	return all
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

// tell says what moves, and what somebody has to look at.
func (p *hostPlan) tell(ctx context.Context, out steps) {
	out.line("host", p.String())
	for _, c := range p.changes {
		out.line("changed", c.String())
	}
	for _, text := range p.lines() {
		out.line("look", text)
	}
	if p.endpoint != "" {
		out.line("look", p.endpointText(ctx))
	}
	for _, text := range p.lost {
		out.line("lost", text)
	}
	out.line("old", fmt.Sprintf("the machine of %s must not run again: take away its disks, or its network", p.from.Name))
}

// endpointText says where the name leads by which all nodes reach the API.
func (p *hostPlan) endpointText(ctx context.Context) string {
	host, _, err := net.SplitHostPort(p.endpoint)
	if err != nil {
		host = p.endpoint
	}
	text := fmt.Sprintf("all reach the API at %s: that has to lead to %s", p.endpoint, p.to.Address)
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	addresses, err := net.DefaultResolver.LookupHost(ctx, host)
	switch {
	case err != nil:
		return text + ", and is not known here"
	case slices.Contains(addresses, p.to.Address.String()):
		return text + ", and does"
	}
	return text + ", itself or by a load balancer, and leads to " + strings.Join(addresses, ", ") + " now"
}

// tellSteps prints what is left as commands.
func (p *hostPlan) tellSteps(out steps) {
	for _, s := range p.left.Steps {
		out.line("then", s.Do+": "+s.Shell())
	}
	p.tellOthers(out)
}

// tellOthers prints what the other nodes need.
func (p *hostPlan) tellOthers(out steps) {
	for _, s := range p.others {
		text := s.Stage + " on " + s.Where + ": " + s.Do
		if s.Command != nil {
			text += ": " + s.Shell()
		}
		out.line("others", text)
	}
}

// runSteps runs the commands of steps, one after the other.
func runSteps(ctx context.Context, out steps, list []rehost.Step) error {
	for _, s := range list {
		if s.Command == nil {
			continue
		}
		start := time.Now()
		cmd := exec.CommandContext(ctx, s.Command[0], s.Command[1:]...)
		if text, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %s: %w: %.500s", s.Do, s.Shell(), err, oneLine(strings.TrimSpace(string(text))))
		}
		out.line("done", fmt.Sprintf("%s (%.1f s)", s.Do, time.Since(start).Seconds()))
	}
	return nil
}
