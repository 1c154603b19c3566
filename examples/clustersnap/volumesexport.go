package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/clustersnap/clustersnap/volsnap"
	"github.com/clustersnap/clustersnap/volsnap/handover"
)

const volumesExportHelp = `export writes a record of each snapshot: what another namespace or another
cluster of the same storage needs to use it. There are no data and no secrets
in it. Export while the claims are there: what they are like is in the record.

FILE is - for standard output. --lost takes what was pinned and has lost its
namespace, all or that of a --run.`

func volumesExportCommand() *cobra.Command {
	var v volumeFlags
	var run string
	var lost bool
	cmd := &cobra.Command{
		Use:   "export FILE [NAMESPACE/SNAPSHOT...]",
		Short: "Write down what another cluster needs to use snapshots",
		Long:  volumesExportHelp,
		Example: `  clustersnap volumes export volumes.json --run nightly-1
  clustersnap volumes export - shop/db-1`,
		Args: asUsed,
		RunE: func(cmd *cobra.Command, args []string) error {
			if (run == "" && !lost) == (len(args) == 1) {
				return usageError{errors.New("volumes export: say what: --run ID, --lost, or NAMESPACE/SNAPSHOT")}
			}
			if err := checkRun(run); err != nil {
				return usageError{fmt.Errorf("volumes export: %w", err)}
			}
			if err := v.export(cmd.Context(), args[0], run, lost, args[1:]); err != nil {
				return fmt.Errorf("volumes export: %w", err)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&v.kubeconfig, "kubeconfig", "", "a `FILE`; if not given, as kubectl")
	v.places(cmd)
	cmd.Flags().BoolVar(&lost, "lost", false, "those that have lost their namespace")
	cmd.Flags().StringVar(&run, "run", "", "those of the run with this `ID`")
	return cmd
}

func (v *volumeFlags) export(ctx context.Context, file, run string, lost bool, names []string) error {
	var snapshots []volsnap.Snapshot
	for _, arg := range names {
		namespace, name, err := snapshotName(arg)
		if err != nil {
			return err
		}
		snapshots = append(snapshots, volsnap.Snapshot{Namespace: namespace, Name: name})
	}
	cluster, err := v.cluster()
	if err != nil {
		return err
	}
	if len(names) == 0 {
		if snapshots, err = v.exported(ctx, cluster, run, lost); err != nil {
			return err
		}
	}
	to, err := openTarget(file)
	if err != nil {
		return err
	}
	defer to.done()
	if err := writeRecords(ctx, cluster, snapshots, to); err != nil || to.stream != nil {
		return err
	}
	steps{os.Stdout}.line("good", count(len(snapshots), "record")+" in "+file)
	return nil
}

// exported gives the snapshots of a run, or what is lost.
func (v *volumeFlags) exported(ctx context.Context, c *volsnap.Cluster, run string, lost bool) ([]volsnap.Snapshot, error) {
	if lost {
		snapshots, err := v.lost(ctx, c, run)
		if err == nil && len(snapshots) == 0 {
			err = errors.New("nothing is lost: clustersnap volumes list --lost shows the same")
		}
		return snapshots, err
	}
	snapshots, err := c.List(ctx, v.namespaces, run)
	if err == nil && len(snapshots) == 0 {
		err = fmt.Errorf("run %q has no snapshots: clustersnap volumes list shows what there is, and --lost what has lost its "+
			"namespace", run)
	}
	return snapshots, err
}

// writeRecords writes the records that can be made, and says of which snapshots there is none.
func writeRecords(ctx context.Context, c *volsnap.Cluster, snapshots []volsnap.Snapshot, to *target) error {
	records, lost := handover.Export(ctx, c, snapshots)
	if len(records) == 0 && lost != nil {
		return whereSnapshotsAre(lost) // and a file from before stays
	}
	return errors.Join(to.write(func(w io.Writer) error { return handover.Write(w, records) }), lost)
}
