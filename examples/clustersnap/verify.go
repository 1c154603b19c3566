package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"filippo.io/age"
	"github.com/spf13/cobra"

	"github.com/clustersnap/clustersnap"
	"github.com/clustersnap/clustersnap/etcdsnap"
	"github.com/clustersnap/clustersnap/etcdsnap/restore"
)

func verifyCommand() *cobra.Command {
	var identity, scratch, etcd string
	var boot bool
	cmd := &cobra.Command{
		Use:   "verify FILE|URL --identity FILE",
		Short: "Check a backup, to the last byte",
		Long: `Check a backup, to the last byte.

With an identity, everything is decrypted and read: the set and the digest of
each member, the snapshot and the digest that etcd gave it, and the sealed PKI.
With --boot, etcd is also started on a restored copy of the snapshot: it has to
hold every key as the snapshot does, to end old watches, and to give all of it
to a member that joins. With --etcd that is your own etcd program.

Without an identity only the outside can be seen: the contents are not checked,
and the exit code is 1. A set in a store is held against its receipt, too: all
of its bytes are read, with no progress shown, and have to be those that were
written.

The URL is that of a set, as "clustersnap backup" and "list" print it.`,
		Example: `  clustersnap verify cp1.clustersnap --identity key.txt
  clustersnap verify cp1.clustersnap --identity key.txt --boot
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
			if boot {
				if err := proveBoot(cmd.Context(), out, args[0], scratch, etcd, identities); err != nil {
					return fmt.Errorf("verify: %w", err)
				}
			}
			out.line("good", args[0])
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&identity, "identity", "", "the `FILE` with the secret key, or - for standard input")
	f.StringVar(&etcd, "etcd", "", "the etcd `PROGRAM` for --boot (default: 3.7, built in)")
	f.BoolVar(&boot, "boot", false, "also boot etcd on a restored copy, and compare every key")
	f.StringVar(&scratch, "scratch", os.TempDir(),
		"the `DIR` where --boot works, in the clear; needs twice\nthe snapshot and 320 MiB")
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

func proveBoot(ctx context.Context, out steps, name, scratch, etcd string, identities []age.Identity) error {
	set, f, err := openSet(ctx, name, identities)
	if err != nil {
		return err
	}
	defer f.Close()
	return out.do("boot", func(p progress) (string, error) {
		src, _, err := openSnapshot(set)
		if err != nil {
			return "", err
		}
		defer src.Close()
		proof, err := restore.Prove(ctx, scratch, p.reader(src), restore.ProveOptions{Etcd: etcd})
		if err != nil {
			return "", err
		}
		return describeBoot(proof), nil
	})
}

func describeBoot(p *restore.Proof) string {
	return fmt.Sprintf("etcd %s booted at revision %d, all %d keys are those of the snapshot, and a member that joined has them",
		p.Version, p.Revision, p.Keys)
}
