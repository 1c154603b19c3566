package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/tree"
)

const manifestsDumpHelp = `dump writes every object of the cluster as it was at one instant, each as a file
in canonical form, into a directory that git can track. Only what has changed is
written, and nothing is removed whose kind could not be listed. It fails if any
kind could not be listed; the others are saved.

Secrets are left out unless --secrets says how to keep them: include them as
they are, redact their values, or encrypt them for --recipient. The last two
need --key-file: 32 random bytes or more that stay out of the directory.`

func manifestsDumpCommand() *cobra.Command {
	var s selection
	var to string
	var secrets secretsFlags
	cmd := &cobra.Command{
		Use:   "dump --to DIR",
		Short: "Write all objects into a directory",
		Long:  manifestsDumpHelp,
		Args:  asUsed,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if to == "" {
				return usageError{errors.New("manifests dump: give the directory to write, --to DIR")}
			}
			opts, err := secrets.options()
			if err != nil {
				return err
			}
			return dumpManifests(cmd.Context(), steps{os.Stdout}, s, to, opts)
		},
	}
	s.flags(cmd)
	cmd.Flags().StringVar(&to, "to", "", "the `DIR` of the tree; made if it is not there")
	secrets.flags(cmd)
	return cmd
}

// secretsFlags say what becomes of Secrets in a tree.
type secretsFlags struct {
	how, keyFile     string
	keys, recipients []string
}

func (s *secretsFlags) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&s.how, "secrets", "exclude", "`HOW` to keep them: see above")
	f.StringVar(&s.keyFile, "key-file", "", "a `FILE` with 32 random bytes or more")
	f.StringArrayVar(&s.keys, "recipient", nil, "a `KEY` to encrypt Secrets for (repeatable)")
	f.StringArrayVar(&s.recipients, "recipients-file", nil, "a `FILE` of such keys, one a line (repeatable)")
}

func (s *secretsFlags) options() (tree.Options, error) {
	var opts tree.Options
	hows := map[string]tree.Secrets{
		"exclude": tree.Exclude, "include": tree.Include, "redact": tree.Redact, "encrypt": tree.Encrypt,
	}
	how, ok := hows[s.how]
	if !ok {
		return opts, usageError{fmt.Errorf("--secrets is %q: want exclude, include, redact or encrypt", s.how)}
	}
	opts.Secrets = how
	if how == tree.Redact || how == tree.Encrypt {
		if s.keyFile == "" {
			return opts, usageError{fmt.Errorf("--secrets %s: give the key for digests, --key-file FILE", s.how)}
		}
		secret, err := os.ReadFile(s.keyFile)
		if err != nil {
			return opts, err
		}
		if opts.Key, err = tree.NewMACKey(secret); err != nil {
			return opts, fmt.Errorf("%s: %w", s.keyFile, err)
		}
	}
	if how == tree.Encrypt {
		var err error
		opts.Recipients, err = parseRecipients(s.keys, s.recipients)
		return opts, err
	}
	return opts, nil
}

func dumpManifests(ctx context.Context, out steps, s selection, dir string, opts tree.Options) error {
	cluster, err := connect(s.kubeconfig)
	if err != nil {
		return err
	}
	return intoTree(out, dir, opts, func(to *tree.Tree) (*manifests.Report, string, error) {
		report, err := cluster.Dump(ctx, to, s.options())
		if err != nil {
			return nil, "", err
		}
		return report, fmt.Sprintf("of %s at resource version %s", report.ServerVersion, report.ResourceVersion), nil
	})
}
