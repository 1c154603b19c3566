package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/clustersnap/clustersnap/volsnap"
)

const volumesListHelp = `list lists snapshots of volumes, all there are or those of a run. CUT is when
the data were frozen. RUN is empty for those that clustersnap has not taken.

STATE: "cut" is frozen, but can't be restored from yet; "pinned" outlives its
namespace; "unverified" was imported, and nobody has seen that the storage has
it. With --why each that is not ready is looked into.

--lost lists what was pinned and has lost its VolumeSnapshot, as when its
namespace was deleted: export --lost and import make one of it again.`

func volumesListCommand() *cobra.Command {
	var v volumeFlags
	var run string
	var why, lost bool
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List snapshots of volumes, and why some are not ready",
		Long:    volumesListHelp,
		Example: `  clustersnap volumes list -n shop --why
  clustersnap volumes list --run nightly-1 -o json`,
		Args: asUsed,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkRun(run); err != nil {
				return usageError{fmt.Errorf("volumes list: %w", err)}
			}
			if lost && why {
				return usageError{errors.New("volumes list: --lost takes no --why")}
			}
			err := v.list(cmd.Context(), os.Stdout, run, why, lost)
			if err != nil && !readerGone(err) {
				return fmt.Errorf("volumes list: %w", err)
			}
			return nil
		},
	}
	v.flags(cmd)
	v.places(cmd)
	cmd.Flags().StringVar(&run, "run", "", "only of the run with this `ID`")
	cmd.Flags().BoolVar(&lost, "lost", false, "those that have lost their namespace")
	cmd.Flags().BoolVar(&why, "why", false, "say what keeps a snapshot from being ready")
	return cmd
}

func (v *volumeFlags) list(ctx context.Context, out io.Writer, run string, why, lost bool) error {
	cluster, err := v.cluster()
	if err != nil {
		return err
	}
	var snapshots []volsnap.Snapshot
	if lost {
		snapshots, err = v.lost(ctx, cluster, run)
	} else {
		snapshots, err = cluster.List(ctx, v.namespaces, run)
	}
	if err != nil {
		return err
	}
	if err := v.checkPlaces(ctx, cluster, snapshots); err != nil {
		return err
	}
	if run != "" && len(snapshots) == 0 {
		return fmt.Errorf("run %q has no snapshots: leave --run out to see what there is", run)
	}
	if v.as.machine() {
		err = v.as.value(out, snapshots)
	} else {
		err = printSnapshots(out, snapshots)
	}
	if err != nil || !why {
		return err
	}
	return explain(ctx, cluster, snapshots)
}

// explain says on stderr what keeps snapshots from being ready.
func explain(ctx context.Context, c *volsnap.Cluster, snapshots []volsnap.Snapshot) error {
	for _, s := range snapshots {
		if s.Ready && !s.Unverified {
			continue
		}
		d, err := c.Diagnose(ctx, s.Namespace, s.Name)
		if apierrors.IsNotFound(err) && !errors.Is(err, volsnap.ErrNotServed) {
			fmt.Fprintf(os.Stderr, "%s/%s: gone meanwhile\n", oneLine(s.Namespace), oneLine(s.Name))
			continue
		}
		if err != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, "%s/%s: %s\n", oneLine(s.Namespace), oneLine(s.Name), oneLine(d.String()))
	}
	return nil
}
