package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/clustersnap/clustersnap/volsnap"
	"github.com/clustersnap/clustersnap/volsnap/restore"
)

const volumesRestoreHelp = `restore makes a claim of a snapshot. The snapshot must be ready; size, class and
volume mode are checked first. CLAIM may be in another namespace. "waits" is a
claim that needs its first pod: start that, then run the same again.

--in-place gives a claim that is there a volume made of the snapshot. What uses
it must be stopped: say what with --stop, or do it before. A safety snapshot is
taken first, the old volume is kept, and what fails is undone. --undo goes back
to it later; --discard PV deletes it. These three want --yes. The safety
snapshot stays, until prune --safety. A snapshot of another claim wants
--other-claim.

--drill restores into a scratch namespace, only to see that it can be done, and
removes everything again. It takes no CLAIM.`

// restoring is how a snapshot comes back.
type restoring struct {
	volumeFlags
	inPlace, drill, undo, discard, other, yes bool
	stop                                      []string
	class                                     string
}

func volumesRestoreCommand() *cobra.Command {
	var r restoring
	cmd := &cobra.Command{
		Use:   "restore NAMESPACE/SNAPSHOT [NAMESPACE/CLAIM]",
		Short: "Make a claim of a snapshot, or prove that it can be done",
		Long:  volumesRestoreHelp,
		Example: `  clustersnap volumes restore shop/db-1 shop/db-copy
  clustersnap volumes restore shop/db-1 --drill
  clustersnap volumes restore shop/db-1 shop/db --in-place \
      --stop statefulset/db --yes
  clustersnap volumes restore --undo shop/db --stop statefulset/db --yes`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := r.check(len(args)); err != nil {
				return usageError{fmt.Errorf("volumes restore: %w", err)}
			}
			if err := r.run(cmd.Context(), os.Stdout, args); err != nil {
				return fmt.Errorf("volumes restore: %w", err)
			}
			return nil
		},
	}
	r.flags(cmd)
	r.deadline(cmd)
	f := cmd.Flags()
	f.BoolVar(&r.drill, "drill", false, "only prove that it can be restored")
	f.BoolVar(&r.inPlace, "in-place", false, "replace the volume of a claim")
	f.BoolVar(&r.undo, "undo", false, "give NAMESPACE/CLAIM its old volume back")
	f.BoolVar(&r.discard, "discard", false, "delete the old volume, a PV")
	f.BoolVar(&r.other, "other-claim", false, "replace it by a snapshot of another claim")
	f.StringArrayVar(&r.stop, "stop", nil, "scale `KIND/NAME` to zero meanwhile")
	f.StringVar(&r.class, "storage-class", "", "a `STORAGECLASS` for the claim")
	f.BoolVar(&r.yes, "yes", false, "do what takes something away")
	return cmd
}

// check holds the flags against each other.
func (r *restoring) check(args int) error {
	modes := 0
	for _, is := range []bool{r.drill, r.inPlace, r.undo, r.discard} {
		if is {
			modes++
		}
	}
	want := r.wants()
	switch {
	case modes > 1:
		return errors.New("--drill, --in-place, --undo and --discard exclude each other")
	case args != len(want):
		return fmt.Errorf("give %s, and nothing else", strings.Join(want, " and "))
	case len(r.stop) > 0 && !r.inPlace && !r.undo:
		return errors.New("--stop is for --in-place and --undo")
	case r.other && !r.inPlace:
		return errors.New("--other-claim is for --in-place")
	case (r.inPlace || r.undo || r.discard) && !r.yes:
		return errors.New("this takes a volume away from where it is: add --yes")
	}
	return nil
}

// wants are the arguments that there have to be.
func (r *restoring) wants() []string {
	switch {
	case r.drill:
		return []string{"NAMESPACE/SNAPSHOT"}
	case r.undo:
		return []string{"NAMESPACE/CLAIM"}
	case r.discard:
		return []string{"PV"}
	}
	return []string{"NAMESPACE/SNAPSHOT", "NAMESPACE/CLAIM"}
}

func (r *restoring) run(ctx context.Context, out io.Writer, args []string) error {
	cluster, err := r.cluster()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	if r.discard {
		done := map[string]string{"discarded": args[0]}
		return r.said(out, done, "volume "+args[0]+" is gone", restore.Discard(ctx, cluster, args[0]))
	}
	namespace, name, err := snapshotName(args[0])
	if err != nil {
		return err
	}
	from := volsnap.Snapshot{Namespace: namespace, Name: name}
	switch {
	case r.undo:
		done, err := restore.Undo(ctx, cluster, namespace, name, r.stopping(cluster, namespace))
		text := args[0] + " has its old volume again"
		if err == nil && done.Kept != "" {
			text += "; what pods wrote since is in volume " + done.Kept + ": kubectl delete pv " + done.Kept + " forgets it"
		}
		return r.said(out, done, text, err)
	case r.drill:
		opts := restore.DrillOptions{Claim: restore.ClaimOptions{StorageClass: r.class, Warned: warned}}
		done, err := restore.Drill(ctx, cluster, from, opts)
		return r.said(out, done, args[0]+" can be restored from; nothing is left of the drill", whereSnapshotsAre(err))
	}
	return r.claim(ctx, out, cluster, from, args[1])
}
