package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/clustersnap/clustersnap/volsnap"
	"github.com/clustersnap/clustersnap/volsnap/handover"
)

const volumesImportHelp = `import makes snapshots of records that "volumes export" or "volumes take
--records" has written, in this cluster or another one of the same storage, and
waits until they are ready. FILE is - for standard input. They can't be pruned,
and deleting them leaves what the storage has.

Each gets the namespace and the name that it had, unless --to and --prefix say
otherwise. "unverified" is one of a driver that does not list its snapshots: a
restore shows whether it is there. Without --yes only the plan is printed.`

// importing is what is imported, and where to.
type importing struct {
	volumeFlags
	to, prefix, class string
	yes               bool
}

func volumesImportCommand() *cobra.Command {
	var i importing
	cmd := &cobra.Command{
		Use:   "import FILE [NAMESPACE/SNAPSHOT...]",
		Short: "Make snapshots of records, in this or another cluster",
		Long:  volumesImportHelp,
		Example: `  clustersnap volumes import volumes.json
  clustersnap volumes import volumes.json --to shop-copy --yes`,
		Args: asUsed,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := i.run(cmd.Context(), os.Stdout, args[0], args[1:]); err != nil {
				return fmt.Errorf("volumes import %s: %w", args[0], err)
			}
			return nil
		},
	}
	i.flags(cmd)
	i.deadline(cmd)
	f := cmd.Flags()
	f.StringVar(&i.to, "to", "", "the `NAMESPACE`, which must be there")
	f.StringVar(&i.prefix, "prefix", "", "begins the `NAME` of each snapshot")
	f.StringVar(&i.class, "class", "", "a VolumeSnapshot`CLASS`, for its Secrets")
	f.BoolVar(&i.yes, "yes", false, "import; without it only the plan is printed")
	return cmd
}

func (i *importing) run(ctx context.Context, out io.Writer, file string, names []string) error {
	records, err := readRecords(file, names)
	if err != nil {
		return err
	}
	if len(records) == 0 {
		return errors.New("it has no records")
	}
	cluster, err := i.cluster()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, i.timeout)
	defer cancel()
	if !i.yes {
		return i.plan(ctx, out, cluster, records)
	}
	made := []volsnap.Snapshot{} // null is no list
	var failed []error
	for _, r := range records {
		namespace, opts := cmp.Or(i.to, r.Namespace), handover.ImportOptions{Class: i.class}
		s, err := handover.Import(ctx, cluster, r, namespace, i.prefix+r.Snapshot, opts)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		made = append(made, *s)
		if !i.as.machine() {
			steps{out}.line("imported", fmt.Sprintf("%s/%s: %s", s.Namespace, s.Name, stateOf(*s)))
		}
	}
	if i.as.machine() {
		failed = append(failed, i.as.value(out, made))
	} else if len(failed) == 0 {
		steps{out}.line("good", count(len(made), "snapshot")+" imported")
	}
	return errors.Join(failed...)
}

// plan prints what would be made, and looks for what would make it fail.
func (i *importing) plan(ctx context.Context, out io.Writer, c *volsnap.Cluster, records []handover.Record) error {
	failed := i.obstacles(ctx, c, records)
	if i.as.machine() {
		return errors.Join(i.as.value(out, records), failed)
	}
	for _, r := range records {
		steps{out}.line("import", fmt.Sprintf("%s/%s of driver %s as %s/%s%s",
			r.Namespace, r.Snapshot, r.Driver, cmp.Or(i.to, r.Namespace), i.prefix, r.Snapshot))
	}
	if failed != nil {
		return failed
	}
	steps{out}.line("good", "nothing was imported: add --yes")
	return nil
}

// readRecords reads a file, and picks those that are named, all if none are.
func readRecords(file string, names []string) ([]handover.Record, error) {
	f, err := fileOrStdin(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	records, err := handover.Read(f)
	if err != nil || len(names) == 0 {
		return records, err
	}
	byName := map[string]handover.Record{}
	for _, r := range records {
		byName[r.Namespace+"/"+r.Snapshot] = r
	}
	var chosen []handover.Record
	for _, name := range names {
		r, there := byName[name]
		if !there {
			return nil, fmt.Errorf("it has no record of %.300q: without names all are taken", name)
		}
		chosen = append(chosen, r)
	}
	return chosen, nil
}
