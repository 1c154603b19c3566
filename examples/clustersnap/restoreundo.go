package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/clustersnap/clustersnap/kubeadm/restore"
)

func restoreUndoCommand() *cobra.Command {
	var dataDir string
	var opts restore.RollbackOptions
	var r restoreFlags
	cmd := &cobra.Command{
		Use:   "undo",
		Short: "Take back a restore that was begun and has not ended",
		Long: `Take back a restore that was begun and has not ended: the old data, files and
manifests take their places again, and the static pods start.

Once kube-apiserver was started with the new data, that needs --lose-writes.`,
		Example: `  clustersnap restore undo`,
		Args:    asUsed,
		RunE: func(cmd *cobra.Command, _ []string) error {
			out := steps{cmd.OutOrStdout()}
			host, end, err := r.host(out)
			if err != nil {
				return err
			}
			defer end()
			report, err := restore.Rollback(cmd.Context(), host, dataDir, opts)
			printReport(out, report)
			if err != nil {
				return fmt.Errorf("restore undo: %w", err)
			}
			out.line("good", "all is as it was before the restore")
			return nil
		},
	}
	r.flags(cmd)
	cmd.Flags().StringVar(&dataDir, "data-dir", "/var/lib/etcd", "etcd's data `DIR` on the node")
	cmd.Flags().BoolVar(&opts.LoseWrites, "lose-writes", false, "lose what was written to the new data")
	return cmd
}

func restorePruneCommand() *cobra.Command {
	var root, dataDir string
	var age time.Duration
	cmd := &cobra.Command{
		Use:     "prune --older-than TIME",
		Short:   "Remove what restores that have ended left aside",
		Example: `  clustersnap restore prune --older-than 720h`,
		Args:    asUsed,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !cmd.Flags().Changed("older-than") { // it may be the only old data
				return usageError{errors.New("restore prune: give --older-than TIME")}
			}
			if at := filepath.Dir(filepath.Join(root, dataDir)); !there(at) {
				return usageError{fmt.Errorf("restore prune: there is no %s: look at how --root and --data-dir are written", at)}
			}
			out := steps{cmd.OutOrStdout()}
			removed, err := restore.Prune(root, dataDir, time.Now().Add(-age))
			for _, name := range removed {
				out.line("removed", name)
			}
			if err != nil {
				return fmt.Errorf("restore prune: %w", err)
			}
			out.line("good", count(len(removed), "thing")+" removed")
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&root, "root", "/", "the `DIR` where the node's root is")
	f.StringVar(&dataDir, "data-dir", "/var/lib/etcd", "etcd's data `DIR` on the node")
	f.DurationVar(&age, "older-than", 0, "of restores that ended a `TIME` ago, such as 720h")
	return cmd
}
