package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/storage/history"
)

const historyHelp = `history lists the versions of one object that an etcd snapshot has: when it was
created, changed, deleted and created again, and which fields changed. REVISION
is what "clustersnap get --revision" takes. The object need not be there any
more: then give -n, if it had a namespace.

Every five minutes kube-apiserver has etcd forget what is older than five
minutes: a history reaches back five to ten. Of what was before, the version of
that time is left, and shown as the oldest.

With -o json there is a line of JSON for each version, with -o yaml a document.

Values of Secrets are masked. Of what is encrypted at rest the fields are shown
with --encryption-config, and without it that there were versions.

SNAPSHOT may be a backup, a FILE or a URL, with --identity.`

func historyCommand() *cobra.Command {
	var s sourceFlags
	var namespace string
	var show historyOutput
	cmd := &cobra.Command{
		Use:   "history SNAPSHOT KIND/NAME",
		Short: "Show the versions of an object in an etcd snapshot",
		Long:  historyHelp,
		Example: `  clustersnap history etcd.snap deployment/web -n shop
  clustersnap history etcd.snap deployment/web -n shop --diff`,
		Args: asUsed,
		RunE: func(cmd *cobra.Command, args []string) error {
			w, err := parseWanted(args[1], namespace)
			if err != nil {
				return err
			}
			if err := show.history(cmd.Context(), s, args[0], w); err != nil {
				return fmt.Errorf("history %s: %w", args[0], err)
			}
			return nil
		},
	}
	s.snapshotFlags(cmd)
	s.setFlags.flags(cmd)
	f := cmd.Flags()
	f.StringVarP(&namespace, "namespace", "n", "", "its `NAMESPACE`")
	f.BoolVar(&show.diff, "diff", false, "show each change as diff -u does")
	f.BoolVar(&show.faithful, "faithful", false, "compare what binds it to its cluster, too")
	show.as.flag(cmd)
	return cmd
}

// historyOutput is how a history is shown.
type historyOutput struct {
	diff, faithful bool
	as             output
}

func (h historyOutput) history(ctx context.Context, s sourceFlags, name string, w wanted) error {
	from, err := s.open(ctx, name, manifests.Options{Level: levelOf(h.faithful)})
	if err != nil {
		return err
	}
	defer from.close()
	if from.snapshot == nil {
		return errors.New("a tree has one version of each object: give a snapshot of etcd")
	}
	if err := from.snapshot.learnAll(ctx); err != nil {
		return err
	}
	n, found, err := from.all(ctx, w)
	if err != nil {
		return err
	}
	if len(found) > 1 {
		return fmt.Errorf("there is a %s/%s in %s: give one of them with -n", n, w.name, namespaces(found))
	}
	e := manifests.Entry{Key: w.as(n), Kind: n.kind}
	if len(found) == 1 {
		e = found[0]
	}
	return h.print(ctx, os.Stdout, from, e)
}

// print shows the versions as they come, each beside the one before it.
func (h historyOutput) print(ctx context.Context, out io.Writer, from *source, e manifests.Entry) error {
	key, compacted := from.at(e.Key), from.snapshot.CompactRevision()
	var before *manifests.Object
	versions := 0
	for v, err := range history.Of(ctx, from.snapshot.decoder, from.snapshot, key) {
		if err != nil {
			return err
		}
		if versions++; versions == 1 && !h.as.machine() {
			fmt.Fprintf(out, "%s, in etcd at %s, revisions %d to %d\n%-10s  %-13s  %6s  %8s  %s\n",
				oneLine(e.Key.String()), oneLine(key), compacted, from.snapshot.Revision(), "REVISION", "WHAT", "WRITES", "BYTES", "CHANGED")
		}
		change, err := changeOf(e, before, v)
		if err == nil {
			err = h.version(out, v, change)
		}
		if err != nil {
			return err
		}
		before = v.Object
	}
	if versions == 0 {
		return fmt.Errorf("there is no trace of %s, back to revision %d: look at how it is written, or in an older snapshot",
			e.Key, compacted)
	}
	return nil
}
