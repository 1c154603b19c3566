package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"filippo.io/age"
	"github.com/spf13/cobra"

	"github.com/clustersnap/clustersnap"
	"github.com/clustersnap/clustersnap/etcdsnap"
)

func verifyCommand() *cobra.Command {
	var identity string
	cmd := &cobra.Command{
		Use:   "verify FILE|URL --identity FILE",
		Short: "Check a backup, to the last byte",
		Long: `Check a backup, to the last byte.

With an identity, everything is decrypted and read: the set and the digest of
each member, the snapshot and the digest that etcd gave it, and the sealed PKI.
"clustersnap prove boot" has etcd start on a copy of the snapshot, too.

Without an identity only the outside can be seen: the contents are not checked,
and the exit code is 1. A set in a store is held against its receipt, too: all
of its bytes are read, with no progress shown, and have to be those that were
written.

The URL is that of a set, as "clustersnap backup" and "list" print it.`,
		Example: `  clustersnap verify cp1.clustersnap --identity key.txt
  clustersnap verify file:///backup/SET.clustersnap --identity key.txt
  pass show clustersnap | clustersnap verify cp1.clustersnap --identity -`,
		Args: asUsed,
		RunE: func(cmd *cobra.Command, args []string) error {
			out := steps{cmd.OutOrStdout()}
			if identity == "" {
				return lookFromOutside(cmd.Context(), out, args[0])
			}
			identities, err := readIdentities(identity)
			if err != nil {
				return err
			}
			if err := verify(cmd.Context(), out, args[0], identities); err != nil {
				return fmt.Errorf("verify: %w", err)
			}
			out.line("good", args[0])
			return nil
		},
	}
	cmd.Flags().StringVar(&identity, "identity", "", "the `FILE` with the secret key, or - for standard input")
	return cmd
}

// verify reads everything that is in a set.
func verify(ctx context.Context, out steps, name string, identities []age.Identity) error {
	set, f, err := openSet(ctx, name, identities)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := out.do("set", func(progress) (string, error) {
		taken := set.Created().Format(time.RFC3339)
		return fmt.Sprintf("%d members of %s, all digests right", len(set.Members()), taken), set.Verify(ctx)
	}); err != nil {
		return err
	}
	if err := out.do("etcd", func(p progress) (string, error) {
		saved, err := verifySnapshot(ctx, set, p)
		if err != nil {
			return "", err
		}
		return describeSnapshot(saved.Info, "etcd "+saved.Member.Version), nil
	}); err != nil {
		return err
	}
	if err := out.do("pki", func(progress) (string, error) {
		bundle, err := openPKI(set, identities)
		if err != nil {
			return "", err
		}
		defer bundle.Clear()
		return fmt.Sprintf("%d files, all digests right", len(bundle.Files)), nil
	}); err != nil {
		return err
	}
	made, err := readResult(set)
	if err != nil || made == nil {
		return err
	}
	out.line("backup", fmt.Sprintf("%s when it was made, with %s", made.state(), count(made.Objects, "object")))
	made.say(out)
	return nil
}

func verifySnapshot(ctx context.Context, set *clustersnap.Set, p progress) (etcdsnap.Saved, error) {
	src, saved, err := openSnapshot(set)
	if err != nil {
		return saved, err
	}
	defer src.Close()
	info, err := etcdsnap.Verify(ctx, p.reader(src), etcdsnap.VerifyOptions{})
	if err == nil && (info.SHA256 != saved.SHA256 || info.Size != saved.Size) {
		err = errors.New("the snapshot is not the one that the index describes: take another copy")
	}
	saved.Info = info
	return saved, err
}
