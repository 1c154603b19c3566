package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/clustersnap/clustersnap/etcdsnap"
	"github.com/clustersnap/clustersnap/etcdsnap/restore"
)

func proveCommand() *cobra.Command {
	return group("prove", "Prove that a backup has everything, and that etcd boots on it",
		proveBootCommand(), proveCompletenessCommand())
}

const proveBootHelp = `boot starts etcd on a restored copy of the snapshot of SOURCE, an etcd snapshot
or a backup. It has to hold every key as the snapshot does, to end old watches,
and to give all of it to a member that joins. Nothing listens to the network.

A backup is a FILE or a URL, and wants --identity. "clustersnap verify" and
"clustersnap etcd verify" read every byte without booting anything.`

func proveBootCommand() *cobra.Command {
	var from setFlags
	var opts restore.ProveOptions
	var as output
	cmd := &cobra.Command{
		Use:   "boot SOURCE",
		Short: "Boot etcd on a copy of a snapshot, and compare every key",
		Long:  proveBootHelp,
		Example: `  clustersnap prove boot cp1.clustersnap --identity key.txt
  clustersnap prove boot etcd.snap --etcd /usr/local/bin/etcd`,
		Args: asUsed,
		RunE: func(cmd *cobra.Command, args []string) error {
			out := steps{cmd.OutOrStdout()}
			proof, err := from.boot(cmd.Context(), as.beside(out), args[0], opts)
			if err != nil {
				return fmt.Errorf("prove boot %s: %w", args[0], err)
			}
			if as.machine() {
				return as.value(out.out, proof)
			}
			out.line("good", args[0])
			return nil
		},
	}
	from.identityFlag(cmd)
	as.flag(cmd)
	f := cmd.Flags()
	f.StringVar(&opts.Etcd, "etcd", "", "the etcd `PROGRAM` to boot (default: 3.7, built in)")
	f.BoolVar(&opts.NoDigest, "no-digest", false, "take a file that has no digest at its end")
	f.StringVar(&from.scratch, "scratch", os.TempDir(), "the `DIR` to work in, in the clear; needs twice\nthe snapshot and 320 MiB")
	return cmd
}

func (s *setFlags) boot(ctx context.Context, out steps, name string, opts restore.ProveOptions) (proof *restore.Proof, err error) {
	src, err := s.stream(ctx, name)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	return proof, out.do("boot", func(p progress) (string, error) {
		proof, err = restore.Prove(ctx, s.scratch, p.reader(src), opts)
		if errors.Is(err, etcdsnap.ErrNoDigest) {
			return "", fmt.Errorf("%w: give --no-digest if it is such a copy", err)
		}
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

// stream reads the snapshot of a SOURCE from its beginning to its end. The caller closes it.
func (s *setFlags) stream(ctx context.Context, name string) (io.ReadCloser, error) {
	is, err := isSet(name)
	if err != nil {
		return nil, err
	}
	if !is {
		return os.Open(name)
	}
	set, f, err := s.set(ctx, name)
	if err != nil {
		return nil, err
	}
	src, _, err := openSnapshot(set)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return memberStream{src, f}, nil
}

// memberStream is a member that closes its set, too.
type memberStream struct {
	io.ReadCloser
	set io.Closer
}

func (m memberStream) Close() error { return errors.Join(m.ReadCloser.Close(), m.set.Close()) }
