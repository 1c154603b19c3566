package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"

	"filippo.io/age"
	"github.com/spf13/cobra"

	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/diff"
	"github.com/clustersnap/clustersnap/manifests/tree"
)

const manifestsDiffHelp = `diff holds two views of the objects against each other. Each is a directory that
"manifests dump" has written, a directory of YAML and JSON files as people write
them, or the word live for the cluster as it is now. Values of Secrets are
masked. With --base, each change says which side made it.

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
	var asJSON bool
	var identity string
	cmd := &cobra.Command{
		Use:   "diff A B",
		Short: "Compare saved, written and live objects",
		Long:  manifestsDiffHelp,
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			v := &views{selection: s}
			if identity != "" {
				var err error
				if v.identities, err = readIdentities(identity); err != nil {
					return differs{2, err}
				}
			}
			summary, err := v.compare(cmd.Context(), args[0], args[1], base, asJSON)
			if err == nil {
				printSummary(summary)
			}
			if code := diff.ExitCode(summary, err); code != 0 {
				return differs{code, err}
			}
			return nil
		},
	}
	s.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&base, "base", "", "what both came from: a directory")
	f.BoolVar(&asJSON, "json", false, "a JSON object for each change")
	f.StringVar(&identity, "identity", "", "a `FILE` with a secret key, for encrypted Secrets")
	return cmd
}

// views opens the sides of a comparison.
type views struct {
	selection
	identities []age.Identity
	cluster    *manifests.Cluster // connected once it is asked for
}

func (v *views) compare(ctx context.Context, a, b, base string, asJSON bool) (*diff.Summary, error) {
	sideA, err := v.open(ctx, a)
	if err != nil {
		return nil, err
	}
	sideB, err := v.open(ctx, b)
	if err != nil {
		return nil, err
	}
	var opts diff.Options
	if base != "" {
		if opts.Base, err = v.open(ctx, base); err != nil {
			return nil, err
		}
	}
	for _, class := range v.classes {
		opts.Classes = append(opts.Classes, manifests.Class(class))
	}
	return diff.Compare(ctx, sideA, sideB, func(c *diff.Change) error {
		if asJSON {
			return json.NewEncoder(os.Stdout).Encode(c)
		}
		return diff.Unified(os.Stdout, c)
	}, opts)
}

func (v *views) open(ctx context.Context, name string) (diff.Side, error) {
	if name == "live" {
		cluster, err := v.live()
		if err != nil {
			return nil, err
		}
		return diff.Live(cluster, v.options()), nil
	}
	dir := os.DirFS(name)
	if _, err := fs.Stat(dir, "index.json"); err == nil {
		return tree.Read(dir, v.identities...)
	}
	if _, err := os.Stat(name); err != nil {
		return nil, err
	}
	cluster, err := v.live() // it knows the kinds and the defaults
	if err != nil {
		return nil, fmt.Errorf("%s holds files as people write them, which takes a cluster to understand: %w", name, err)
	}
	lookup := func(apiVersion, kind string) (manifests.Resource, error) {
		return cluster.Lookup(ctx, apiVersion, kind)
	}
	return diff.Files(ctx, dir, lookup, diff.FileOptions{Level: v.options().Level, Server: cluster})
}

func (v *views) live() (*manifests.Cluster, error) {
	if v.cluster == nil {
		var err error
		if v.cluster, err = connect(v.kubeconfig); err != nil {
			return nil, err
		}
	}
	return v.cluster, nil
}

// printSummary says on stderr what was seen: stdout is the difference.
func printSummary(s *diff.Summary) {
	fmt.Fprintf(os.Stderr, "%d the same, %d added, %d removed, %d changed, %d failed", s.Same, s.Added, s.Removed, s.Changed, s.Failed)
	if s.OutOfView > 0 {
		fmt.Fprintf(os.Stderr, ", %d out of view", s.OutOfView)
	}
	for _, class := range []manifests.Class{manifests.Generated, manifests.Bootstrap, manifests.NodeBound, manifests.Virtual} {
		if n := s.LeftOut[class]; n > 0 {
			fmt.Fprintf(os.Stderr, ", %d %s left out", n, class)
		}
	}
	fmt.Fprintln(os.Stderr)
	for _, o := range append(s.MissingA, s.MissingB...) {
		fmt.Fprintf(os.Stderr, "clustersnap: %s\n", o)
	}
}
