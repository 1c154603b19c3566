package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/clustersnap/clustersnap/etcdsnap"
)

func etcdVerifyCommand() *cobra.Command {
	var opts etcdsnap.VerifyOptions
	var as output
	cmd := &cobra.Command{
		Use:   "verify FILE",
		Short: "Check an etcd snapshot, to the last record",
		Long: `Check an etcd snapshot, to the last record.

It must be in the clear. Its digest, its tree and each record are checked, in
one pass, and nothing of it is trusted: a snapshot from a stranger can't do
harm. A copy of a database file, member/snap/db, has no digest, so that changed
values would go unseen: it is refused unless --no-digest is given.`,
		Example: `  clustersnap etcd verify etcd.snap
  clustersnap etcd verify --no-digest /mnt/old-disk/etcd/member/snap/db`,
		Args: asUsed,
		RunE: func(cmd *cobra.Command, args []string) error {
			out := steps{cmd.OutOrStdout()}
			info, err := verifyFile(cmd.Context(), as.beside(out), args[0], opts)
			if err != nil {
				return fmt.Errorf("etcd verify %s: %w", args[0], err)
			}
			if as.machine() {
				return as.value(out.out, info)
			}
			out.line("good", args[0])
			return nil
		},
	}
	verifyFlags(cmd, &opts)
	as.flag(cmd)
	return cmd
}

func verifyFlags(cmd *cobra.Command, opts *etcdsnap.VerifyOptions) {
	f := cmd.Flags()
	f.BoolVar(&opts.NoDigest, "no-digest", false, "take a file that has no digest at its end")
	f.StringVar(&opts.Prefix, "etcd-prefix", etcdsnap.DefaultPrefix, "kube-apiserver's `PATH`")
}

func verifyFile(ctx context.Context, out steps, name string, opts etcdsnap.VerifyOptions) (info etcdsnap.Info, err error) {
	is, err := isSet(name)
	if err == nil && is {
		err = usageError{errors.New("it is a backup: clustersnap verify checks it, and its snapshot with it")}
	}
	if err != nil {
		return info, err
	}
	f, err := os.Open(name)
	if err != nil {
		return info, err
	}
	defer f.Close()
	return info, out.do("etcd", func(p progress) (string, error) {
		info, err = etcdsnap.Verify(ctx, p.reader(f), opts)
		if errors.Is(err, etcdsnap.ErrNoDigest) {
			return "", fmt.Errorf("%w: give --no-digest if it is such a copy", err)
		}
		if errors.Is(err, etcdsnap.ErrCorrupt) {
			return "", fmt.Errorf("%w: take another copy", err)
		}
		if err == nil && info.Content.Keyspace == nil { // too many keys to be counted on the way
			info.Content, err = walk(ctx, f, opts.Prefix)
		}
		return describeSnapshot(info, "etcd"), err
	})
}

// walk reads a snapshot as a file, which takes longer and little memory.
func walk(ctx context.Context, f *os.File, prefix string) (*etcdsnap.Content, error) {
	stat, err := f.Stat()
	if err != nil {
		return nil, err
	}
	s, err := etcdsnap.Open(f, stat.Size())
	if err != nil {
		return nil, err
	}
	return s.Content(ctx, prefix)
}
