package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"filippo.io/age"
	"github.com/spf13/cobra"

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

func restoreCommand() *cobra.Command {
	var identity string
	var yes bool
	var r restoreFlags
	cmd := &cobra.Command{
		Use:   "restore FILE --identity FILE",
		Short: "Restore a control-plane node, or say what that would do",
		Long:  restoreHelp,
		Example: `  clustersnap restore cp1.clustersnap --identity key.txt
  clustersnap restore cp1.clustersnap --identity key.txt -o yaml
  clustersnap restore cp1.clustersnap --identity key.txt --yes`,
		Args: asUsed,
		RunE: func(cmd *cobra.Command, args []string) error {
			if identity == "" {
				return usageError{errors.New("restore: give --identity FILE")}
			}
			if err := r.onlyPlanned(yes); err != nil {
				return usageError{fmt.Errorf("restore: %w", err)}
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
	r.as.flag(cmd)
	settleFlag(cmd, &r.settle, 30*time.Second)
	cmd.Flags().StringVar(&identity, "identity", "", "the `FILE` with the secret key, or - for standard input")
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
	plan, err := r.plan(r.as.beside(out), set, time.Now())
	if err != nil {
		return err
	}
	if r.as.machine() {
		return errors.Join(r.as.value(out.out, plan), refused(plan))
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
