package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/diff"
)

const manifestsDiffHelp = `diff holds two views of the objects against each other. Each is a directory that
"manifests dump" has written, a directory of YAML and JSON files as people write
them, an etcd snapshot, or the word live for the cluster as it is now. After an
@ a snapshot can have an older revision: etcd.snap@81726. A backup, a FILE or a
URL with --identity, is such a snapshot.
Values of Secrets are masked. With --base, each change says which side made it.

What has one uid and one resourceVersion on both sides is the same. After etcd
was restored, versions come again: compare with --restored then, by content.

Exit codes: 0 the same, 1 different, 2 something could not be compared.`

// differs is the end of a comparison that has found something. Its code is the command's, and why, if not nil, is printed.
type differs struct {
	code int
	why  error
}

func (d differs) Error() string {
	if d.why == nil {
		return ""
	}
	return d.why.Error()
}

func manifestsDiffCommand() *cobra.Command {
	var s selection
	var base string
	var as output
	var v views
	cmd := &cobra.Command{
		Use:   "diff A B",
		Short: "Compare saved, written and live objects",
		Long:  manifestsDiffHelp,
		Args:  asUsed,
		RunE: func(cmd *cobra.Command, args []string) error {
			defer v.close()
			v.selection = s
			if _, err := v.snapshots.identities(); err != nil { // once, for all sides
				return differs{2, err}
			}
			summary, err := v.compare(cmd.Context(), args[0], args[1], base, as)
			if err == nil {
				printSummary(os.Stderr, summary)
			}
			if code := diff.ExitCode(summary, err); code != 0 {
				return differs{code, err}
			}
			return nil
		},
	}
	s.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&base, "base", "", "what both came from, a `VIEW`")
	as.flagOf(cmd, "diff", "json", "yaml")
	v.snapshots.snapshotFlags(cmd)
	v.snapshots.setFlags.flags(cmd)
	f.BoolVar(&v.restored, "restored", false, "etcd was restored in between")
	return cmd
}

func (v *views) compare(ctx context.Context, a, b, base string, as output) (*diff.Summary, error) {
	if !v.limits(a) && !v.limits(b) && (len(v.namespaces) > 0 || v.selector != "") {
		return nil, errors.New("-n and -l limit what is looked at in a snapshot or in live: two directories are compared whole")
	}
	sideA, err := v.open(ctx, a)
	if err != nil {
		return nil, err
	}
	sideB, err := v.open(ctx, b)
	if err != nil {
		return nil, err
	}
	opts := diff.Options{Classes: v.classes}
	if base != "" {
		if opts.Base, err = v.open(ctx, base); err != nil {
			return nil, err
		}
	}
	return diff.Compare(ctx, sideA, sideB, func(c *diff.Change) error {
		if as.machine() {
			return as.item(os.Stdout, c)
		}
		return diff.Unified(os.Stdout, c)
	}, opts)
}

// limits reports whether a side is limited to what the flags select: directories are not.
func (v *views) limits(name string) bool {
	file, _ := atRevision(name)
	stat, err := os.Stat(file)
	return name == "live" || err != nil || !stat.IsDir()
}

// printSummary says what was seen, not on stdout, which is the difference.
func printSummary(out io.Writer, s *diff.Summary) {
	fmt.Fprintf(out, "%d the same, %d added, %d removed, %d changed, %d failed", s.Same, s.Added, s.Removed, s.Changed, s.Failed)
	if s.OutOfView > 0 {
		fmt.Fprintf(out, ", %d out of view", s.OutOfView)
	}
	for _, class := range []manifests.Class{manifests.Generated, manifests.Bootstrap, manifests.NodeBound, manifests.Virtual} {
		if n := s.LeftOut[class]; n > 0 {
			fmt.Fprintf(out, ", %d %s left out", n, class)
		}
	}
	fmt.Fprintln(out)
	if s.ClusterA != "" && s.ClusterB != "" && s.ClusterA != s.ClusterB {
		fmt.Fprintf(out, "clustersnap: these are two clusters: kube-system has uid %s in A and %s in B\n", s.ClusterA, s.ClusterB)
	}
	for _, o := range append(s.MissingA, s.MissingB...) {
		fmt.Fprintf(out, "clustersnap: %s\n", oneLine(o.String()))
	}
}
