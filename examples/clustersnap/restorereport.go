package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/client-go/rest"

	"github.com/clustersnap/clustersnap/kubeadm/aftermath"
	"github.com/clustersnap/clustersnap/kubeadm/restore"
)

const reportHelp = `Say what is to be done, and looked at, in a cluster whose etcd was put back:
kubelets to restart, pods that only etcd or only a node has, volumes that are
attached elsewhere, addresses, load balancers, leases and webhooks of programs
that are no more, and the data that pods keep on nodes, which no backup holds.

"clustersnap restore" ends with it. Some of it goes by itself within minutes,
and what was acted on is gone: ask again. Nothing in the cluster is changed.

On the node that was restored it also says what that took, step by step. From
elsewhere, give --kubeconfig, of a user who may list what is looked at.

Exit codes: 0 nothing to act on, 1 something, or nothing could be seen.`

// reporting is what the command line says.
type reporting struct {
	root, dataDir, kubeconfig string
	as                        output
	note                      string // why nothing is known of the last restore
	afterwards
}

func restoreReportCommand() *cobra.Command {
	r := reporting{afterwards: afterwards{each: lookEach}}
	cmd := &cobra.Command{
		Use:   "report",
		Short: "Say what is to be done in the cluster after a restore",
		Long:  reportHelp,
		Example: `  clustersnap restore report
  clustersnap restore report --kubeconfig admin.conf --settle 2m -o json`,
		Args: asUsed,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := r.run(cmd.Context(), cmd.OutOrStdout()); err != nil {
				return fmt.Errorf("restore report: %w", err)
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&r.root, "root", "/", "the `DIR` where the node's root is")
	f.StringVar(&r.dataDir, "data-dir", "/var/lib/etcd", "etcd's data `DIR` there")
	f.StringVar(&r.kubeconfig, "kubeconfig", "", "a `FILE`, where this is not the node")
	f.StringSliceVar(&r.opts.Nodes, "nodes", nil,
		"the `NAMES` of all nodes that exist: those that etcd does not have, and its own that are no more, are told")
	f.StringSliceVar(&r.opts.Balancers, "balancers", nil,
		"the `ADDRESSES` or names of all load balancers that exist for this cluster")
	settleFlag(cmd, &r.settle, 0)
	r.as.flag(cmd)
	return cmd
}

// settleFlag is for commands that look at a cluster which may still change.
func settleFlag(cmd *cobra.Command, settle *time.Duration, standard time.Duration) {
	cmd.Flags().DurationVar(settle, "settle", standard,
		"look at the cluster again for this `TIME` as long as there is something to act on")
}

func (r *reporting) run(ctx context.Context, out io.Writer) error {
	last, err := r.connect()
	if err != nil && r.configs == nil {
		return err
	}
	if err != nil { // one is at work, or a journal is damaged: the cluster can be looked at nevertheless
		r.note = err.Error()
	}
	report, err := r.look(ctx)
	if err != nil {
		return err
	}
	if err := r.print(out, last, report); err != nil {
		return err
	}
	if n := toAct(report); n > 0 {
		return fmt.Errorf("%s to act on", count(n, "finding"))
	}
	if !r.as.machine() {
		steps{out}.line("good", "there is nothing to act on")
	}
	return nil
}

// connect finds the cluster, and on the node the last restore, if there was one. The error is of that alone where there are
// configs.
func (r *reporting) connect() (last *restore.Report, err error) {
	if r.kubeconfig != "" {
		config, err := restConfig(r.kubeconfig)
		if err != nil {
			return nil, err
		}
		config.Timeout = lookLimit
		r.configs = []*rest.Config{config}
		return nil, nil
	}
	if r.configs, err = adminConfigs(r.root); err != nil {
		return nil, fmt.Errorf("%w: give --kubeconfig FILE where this is not the node", err)
	}
	last, err = restore.Last(r.root, r.dataDir)
	if errors.Is(err, restore.ErrNone) {
		return nil, nil
	}
	if last != nil {
		r.opts.Before = last.Before
	}
	return last, err
}

func (r *reporting) print(out io.Writer, last *restore.Report, report *aftermath.Report) error {
	if r.as.machine() {
		return r.as.value(out, struct {
			Restore *restore.Report   `json:"restore,omitempty"`
			Note    string            `json:"note,omitempty"`
			Cluster *aftermath.Report `json:"cluster"`
		}{last, r.note, report})
	}
	if r.note != "" {
		steps{out}.line("note", r.note)
	}
	if last != nil {
		var took []string
		all := 0.0
		for _, s := range last.Steps {
			took, all = append(took, fmt.Sprintf("%s %.1f s", s.Name, s.Seconds)), all+s.Seconds
		}
		steps{out}.line("restore", fmt.Sprintf("%s took %.1f s: %s", last.ID, all, strings.Join(took, ", ")))
	}
	return report.WriteText(out)
}
