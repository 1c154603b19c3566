package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
)

const volumesWaitHelp = `wait waits until the snapshots of a run are ready to be restored from, which for
the storage of a cloud is after an upload. One that can't become ready unless
somebody does something is not waited for; it says what.`

func volumesWaitCommand() *cobra.Command {
	var v volumeFlags
	var run string
	cmd := &cobra.Command{
		Use:     "wait --run ID",
		Short:   "Wait until snapshots can be restored from",
		Long:    volumesWaitHelp,
		Example: `  clustersnap volumes wait --run nightly-1 --timeout 2h`,
		Args:    asUsed,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if run == "" {
				return usageError{errors.New("volumes wait: say for what: --run ID")}
			}
			if err := checkRun(run); err != nil {
				return usageError{fmt.Errorf("volumes wait: %w", err)}
			}
			if err := v.wait(cmd.Context(), os.Stdout, run); err != nil {
				return fmt.Errorf("volumes wait: %w", err)
			}
			return nil
		},
	}
	v.flags(cmd)
	v.places(cmd)
	v.deadline(cmd)
	cmd.Flags().StringVar(&run, "run", "", "of the run with this `ID`")
	return cmd
}

func (v *volumeFlags) wait(ctx context.Context, out io.Writer, run string) error {
	cluster, err := v.cluster()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, v.timeout)
	defer cancel()
	snapshots, err := cluster.List(ctx, v.namespaces, run)
	if err != nil {
		return err
	}
	if len(snapshots) == 0 {
		return fmt.Errorf("run %q has no snapshots: clustersnap volumes list shows what there is", run)
	}
	now, err := cluster.Wait(ctx, snapshots)
	if v.as.machine() {
		return errors.Join(v.as.value(out, now), err)
	}
	if err = errors.Join(printSnapshots(out, now), err); err == nil {
		steps{out}.line("good", "all can be restored from")
	}
	return err
}
