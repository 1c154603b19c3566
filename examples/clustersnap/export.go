package main

import (
	"context"
	"fmt"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/tree"
)

const exportHelp = `export writes every object of an etcd snapshot into a directory, in the form
that "manifests dump" has for a live cluster. No cluster is needed. Only what
has changed is written, so that one directory can follow many snapshots.

Each object is at the version that etcd keeps it in, which the index states: it
may be another one than the API server prefers. It fails if an object could not
be decoded; the others are written.

Secrets are left out unless --secrets says how to keep them: include them as
they are, redact their values, or encrypt them for --recipient. The last two
need --key-file. Those that are encrypted at rest need --encryption-config.

SNAPSHOT may be a backup, a FILE or a URL, with --identity.`

func exportCommand() *cobra.Command {
	var s sourceFlags
	var of selection
	var secrets secretsFlags
	cmd := &cobra.Command{
		Use:     "export SNAPSHOT DIR",
		Short:   "Write all objects of an etcd snapshot into a directory",
		Long:    exportHelp,
		Example: `  clustersnap export etcd.snap objects`,
		Args:    asUsed,
		RunE: func(cmd *cobra.Command, args []string) error {
			opts, err := secrets.options()
			if err != nil {
				return err
			}
			if err := exportSnapshot(cmd.Context(), steps{os.Stdout}, s, of.options(), args[0], args[1], opts); err != nil {
				return fmt.Errorf("export %s: %w", args[0], err)
			}
			return nil
		},
	}
	s.snapshotFlags(cmd)
	s.setFlags.flags(cmd)
	f := cmd.Flags()
	f.Int64Var(&s.revision, "revision", 0, "an older `REVISION`")
	f.BoolVar(&of.faithful, "faithful", false, "keep what binds an object to its cluster")
	of.choices(cmd)
	secrets.flags(cmd)
	return cmd
}

func exportSnapshot(
	ctx context.Context, out steps, s sourceFlags, of manifests.Options, name, dir string, opts tree.Options,
) error {
	snap, err := readSnapshot(ctx, name, s, of.Level)
	if err != nil {
		return err
	}
	defer snap.close()
	return intoTree(out, dir, opts, func(to *tree.Tree) (*manifests.Report, string, error) {
		at := manifests.Instant{ResourceVersion: strconv.FormatInt(snap.view.Revision(), 10)}
		report, err := snap.decoder.Dump(ctx, snap.view.Keys(ctx), at, to, selectionOf(of))
		return report, fmt.Sprintf("at revision %s, each at its storage version", at.ResourceVersion), err
	})
}
