package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/clustersnap/clustersnap/pkibundle"
)

func pkiOpenCommand() *cobra.Command {
	var identity, digest, to string
	cmd := &cobra.Command{
		Use:   "open FILE|URL --identity FILE --to DIR",
		Short: "Extract a node's TLS and secret files into a new directory",
		Long: `Extract a node's TLS and secret files into a new directory: those that
"pki collect" has sealed, or those in a set. They are in the clear there, below
the directory as they were below the node's root, with modes and owners as they
were; who is not root gets all of them as his own.

Nothing is overwritten, and the directory appears whole or not at all. To put
files back on a node is the work of "clustersnap restore".`,
		Example: `  clustersnap pki open cp1.pki.age --identity key.txt --to cp1.files
  pass show clustersnap | \
    clustersnap pki open cp1.clustersnap --identity - --to cp1.files`,
		Args: asUsed,
		RunE: func(cmd *cobra.Command, args []string) error {
			if to == "" {
				return usageError{errors.New("pki open: no destination: give --to DIR, which must not exist")}
			}
			if err := extractPKI(cmd.Context(), steps{cmd.OutOrStdout()}, args[0], identity, digest, to); err != nil {
				return fmt.Errorf("pki open: %w", err)
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&identity, "identity", "", "the `FILE` with the secret key, or - for standard input")
	f.StringVar(&digest, "digest", "", "the `DIGEST` that pki collect has said, to demand")
	f.StringVar(&to, "to", "", "the `DIR` to make, which must not exist")
	return cmd
}

func extractPKI(ctx context.Context, out steps, file, identity, digest, to string) error {
	at, err := filepath.Abs(to)
	if err != nil {
		return err
	}
	if _, err := os.Lstat(at); err == nil { // Extract looks again, when it renames
		return fmt.Errorf("%s: %w: give another --to DIR", to, fs.ErrExist)
	}
	parent, err := os.OpenRoot(filepath.Dir(at))
	if err != nil {
		return err
	}
	defer parent.Close()
	bundle, err := sealedBundle(ctx, file, identity, digest)
	if err != nil {
		return err
	}
	defer bundle.Clear()
	opts := pkibundle.ExtractOptions{AsCaller: os.Geteuid() != 0}
	if err := pkibundle.Extract(parent, filepath.Base(at), bundle, opts); err != nil {
		return err
	}
	out.line("pki", fmt.Sprintf("%s in %s, in the clear", count(len(bundle.Files), "file"), to))
	if opts.AsCaller {
		out.line("note", "all of them are yours, since only root can give files to others")
	}
	out.line("good", "next: remove "+shellWord(to)+" when it has served")
	return nil
}
