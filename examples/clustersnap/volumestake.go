package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
)

const volumesTakeHelp = `take takes a snapshot of each volume of the claims that are selected, by name,
by -n and -l, or all there are. First the plan is printed; with --dry-run that
is all. It fails if a volume has no snapshot and --accept does not name why:
hostPath, emptyDir and the like are lost in silence by nobody.

Snapshots are pinned: deleting their namespace keeps the data. The same --run
again goes on with what an earlier one has left.

--hooks velero runs what pods ask for in Velero's annotations. --fsfreeze
CONTAINER freezes the file systems of claims in each container of that name,
which needs sh, sleep, fsfreeze and CAP_SYS_ADMIN. A pod is at rest only from
just before its volumes are cut until they are. Volumes with pods of which none
was at rest are "awake"; if all are, that is an error.

--group-by LABEL cuts claims with the same value of that label at one instant,
where the cluster and the driver have group snapshots. --migrated also takes
in-tree volumes that a CSI driver serves by now. --own-way PROGRAM is run for
each volume that the cluster can't snapshot, with the volume as JSON on its
standard input: it prints the snapshot as JSON, with "handle" and "cut" at
least, or nothing. Such snapshots are in the account, and not in --records.`

// taking is what is taken, and how.
type taking struct {
	volumeFlags
	selector string
	run      string
	inFlight int
	class    map[string]string
	hooks    string
	freeze   string
	groupBy  string
	migrated bool
	ownWay   string
	accept   []string
	records  string
	ready    bool
	velero   bool
	dryRun   bool
	to       *target // of records
}

func volumesTakeCommand() *cobra.Command {
	var t taking
	cmd := &cobra.Command{
		Use:   "take [NAMESPACE/CLAIM...]",
		Short: "Take snapshots of volumes, and account for each",
		Long:  volumesTakeHelp,
		Example: `  clustersnap volumes take -n shop --dry-run
  clustersnap volumes take -n shop --run nightly-1 --records volumes.json
  clustersnap volumes take --hooks velero --accept hostPath,ephemeral`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := t.check(args); err != nil {
				return usageError{fmt.Errorf("volumes take: %w", err)}
			}
			if err := t.take(cmd.Context(), os.Stdout, args); err != nil {
				return fmt.Errorf("volumes take: %w", err)
			}
			return nil
		},
	}
	t.flags(cmd)
	t.places(cmd)
	t.deadline(cmd)
	f := cmd.Flags()
	f.StringVarP(&t.selector, "selector", "l", "", "only claims with these `LABELS`")
	f.StringVar(&t.run, "run", "", "an `ID` of the run; if not given, the time")
	f.IntVar(&t.inFlight, "in-flight", 1, "how `MANY` are cut at once for a driver")
	f.StringToStringVar(&t.class, "class", nil, "a snapshot class, as `DRIVER=CLASS`")
	f.Lookup("class").DefValue = "" // an empty map is printed as []
	f.StringVar(&t.hooks, "hooks", "none", "velero: `WHAT` pods ask for")
	f.StringVar(&t.freeze, "fsfreeze", "", "freeze in `CONTAINER`s of this name")
	f.StringVar(&t.groupBy, "group-by", "", "a `LABEL` of claims to cut at one instant")
	f.BoolVar(&t.migrated, "migrated", false, "take in-tree volumes with a CSI driver, too")
	f.StringVar(&t.ownWay, "own-way", "", "a `PROGRAM` for what the cluster can't take")
	f.StringSliceVar(&t.accept, "accept", nil, "let `REASON`s pass, such as hostPath")
	f.StringVar(&t.records, "records", "", "a `FILE` for what another cluster needs")
	f.BoolVar(&t.ready, "ready", false, "wait until all can be restored from")
	f.BoolVar(&t.velero, "velero-classes", false, "heed what marks classes for Velero")
	f.BoolVar(&t.dryRun, "dry-run", false, "only print the plan")
	return cmd
}
