package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"filippo.io/age"
	"github.com/spf13/cobra"

	"github.com/clustersnap/clustersnap"
	"github.com/clustersnap/clustersnap/kubeadm"
	"github.com/clustersnap/clustersnap/kubeadm/restore"
)

const restoreHelp = `Restore a control-plane node from a backup: etcd's data, and the files that it
needs. Without --yes nothing is done, and the plan is printed.

The new data is made and checked while the old cluster runs. Then the static
pods stop, old and new change places, etcd starts alone and is held against the
snapshot, and only then kube-apiserver and the others start. What was replaced
lies beside until "clustersnap restore prune". A failure before kube-apiserver
starts takes everything back. After a kill or a power cut the same command goes
on, and "clustersnap restore undo" goes back.

It ends with what is to be done in the cluster, which "clustersnap restore
report" says at any time. Whatever that is, the restore is good: exit code 0.

Of the node's files those come back that are missing, and the encryption
configuration. If a CA or the service accounts' key is another one now, all do.

As root on the node. Where there are several control planes, stop the others
before, or it is refused as long as one of their etcds answers, and join them
again afterwards: "clustersnap restore others" prints how. Restart the kubelets
of all other nodes: they have seen what is not there any more.`

// restoreFlags say where the node is and what runs on it.
type restoreFlags struct {
	root, kubelet, cri string
	limit, settle      time.Duration
	alone              bool
}

func (r *restoreFlags) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&r.root, "root", "/", "the `DIR` where the node's root is")
	f.StringVar(&r.kubelet, "kubelet", "kubelet", "the kubelet's systemd `UNIT`, or \"\"")
	f.StringVar(&r.cri, "cri", usualSocket,
		"the container runtime's `SOCKET`, or \"\": by it static\npods end at once, and those that a kubelet leaves\n"+
			"which was restarted without an API")
	f.DurationVar(&r.limit, "limit", 5*time.Minute, "how long each wait may take, a `TIME`")
}

// aloneFlag is for what makes a member.
func (r *restoreFlags) aloneFlag(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&r.alone, "alone", false, "no other member of the old cluster serves, or ever\nwill: don't look for them")
}

// host is the node for the library. The caller calls end.
func (r *restoreFlags) host(out steps) (host restore.Host, end func(), err error) {
	host = restore.Host{Root: r.root, Limit: r.limit}
	host.Changed = func(what string) {
		if step, ok := strings.CutPrefix(what, "journal: "); ok {
			out.line("step", step)
		}
	}
	if r.kubelet != "" {
		host.Kubelet = restore.Systemd(r.kubelet)
	}
	end = func() {}
	socket, err := r.socket()
	if err != nil {
		return host, end, err
	}
	if socket != "" {
		cri, err := restore.DialCRI(socket)
		if err != nil {
			return host, end, err
		}
		host.Containers, end = cri, func() { cri.Close() }
	}
	return host, end, nil
}

// usualSocket stands for that of sockets which is there, on the node itself.
const usualSocket = "auto"

// sockets are where runtimes have theirs (cmd/kubeadm/app/constants/constants_unix.go in kubernetes/kubernetes).
var sockets = []string{"run/containerd/containerd.sock", "run/crio/crio.sock", "run/cri-dockerd.sock"}

// socket is the runtime's, empty for none. Below another root there is none that this process could reach.
func (r *restoreFlags) socket() (string, error) {
	switch {
	case r.cri != usualSocket:
		return r.cri, nil
	case r.root != "/":
		return "", nil
	}
	return oneSocket("/")
}

// oneSocket is the one of sockets that is below a directory.
func oneSocket(root string) (string, error) {
	var found []string
	for _, name := range sockets {
		if _, err := os.Stat(filepath.Join(root, name)); err == nil {
			found = append(found, filepath.Join(root, name))
		}
	}
	if len(found) > 1 {
		return "", fmt.Errorf("there is more than one container runtime: give --cri %s", strings.Join(found, " or "))
	}
	return strings.Join(found, ""), nil
}

func restoreCommand() *cobra.Command {
	var identity string
	var yes bool
	var r restoreFlags
	cmd := &cobra.Command{
		Use:   "restore FILE --identity FILE",
		Short: "Restore a control-plane node, or say what that would do",
		Long:  restoreHelp,
		Example: `  clustersnap restore cp1.clustersnap --identity key.txt
  clustersnap restore cp1.clustersnap --identity key.txt --yes`,
		Args: oneFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			if identity == "" {
				return usageError{errors.New("restore: give --identity FILE")}
			}
			identities, err := readIdentities(identity)
			if err != nil {
				return err
			}
			if err := r.run(cmd.Context(), steps{cmd.OutOrStdout()}, args[0], identities, yes); err != nil {
				return fmt.Errorf("restore: %w", err)
			}
			return nil
		},
	}
	r.flags(cmd)
	r.aloneFlag(cmd)
	settleFlag(cmd, &r.settle, 30*time.Second)
	cmd.Flags().StringVar(&identity, "identity", "", "the `FILE` with the secret key, or - for\nstandard input")
	cmd.Flags().BoolVar(&yes, "yes", false, "do it; without it only the plan is printed")
	cmd.AddCommand(restoreUndoCommand(), restorePruneCommand(), restoreReportCommand(), restoreHostCommand(), restoreInitCommand())
	cmd.AddCommand(restoreOthersCommand())
	return cmd
}

func (r *restoreFlags) run(ctx context.Context, out steps, name string, identities []age.Identity, yes bool) error {
	set, f, err := openSet(ctx, name, identities)
	if err != nil {
		return err
	}
	defer f.Close()
	plan, err := r.plan(out, set, time.Now())
	if err != nil {
		return err
	}
	tellOthers(out, plan)
	if !yes || len(plan.Refused) > 0 {
		return printPlan(out, plan)
	}
	bundle, err := openPKI(set, identities)
	if err != nil {
		return err
	}
	defer bundle.Clear()
	host, end, err := r.host(out)
	if err != nil {
		return err
	}
	defer end()
	from := restoreSource{set: set, bundle: bundle, root: r.root, plan: plan}
	report, err := restore.Run(ctx, host, plan, restore.Source{Stage: from.stage, Files: from.files})
	printReport(out, report)
	if err != nil {
		return err
	}
	out.line("good", "the control plane runs: restart the kubelets of other nodes")
	r.after(ctx, out, report)
	return nil
}

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

// printPlan prints what would be done, if that is anything.
func printPlan(out steps, plan *restore.Plan) error {
	if len(plan.Refused) > 0 {
		return errors.New(strings.Join(plan.Refused, "; "))
	}
	for line := range strings.Lines(plan.String()) {
		fmt.Fprintln(out.out, printable(strings.TrimSuffix(line, "\n")))
	}
	out.line("good", "nothing was done: add --yes")
	return nil
}

func printReport(out steps, report *restore.Report) {
	if report == nil {
		return
	}
	for _, s := range report.Steps {
		out.line("took", fmt.Sprintf("%s %.1f s", s.Name, s.Seconds))
	}
	for _, text := range report.Notes {
		out.line("note", text)
	}
	if len(report.Files) > 0 {
		out.line("files", strings.Join(report.Files, " "))
	}
}
