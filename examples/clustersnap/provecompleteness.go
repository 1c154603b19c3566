package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strconv"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/clustersnap/clustersnap/etcdsnap"
	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/storage/proof"
	"github.com/clustersnap/clustersnap/manifests/tree"
)

const proveCompletenessHelp = `completeness holds a directory that "manifests dump" has written against etcd:
each key of a snapshot has to be an object of the dump, or to be explained. Take
the snapshot within five minutes after the dump, then the proof is exact: etcd
still has what it had at that moment.

Without --snapshot it asks the API server alone, which can't see what no API
serves. That is for control planes that somebody else runs; do it soon after
the dump.

Exit codes: 0 all is there, 1 something is unsaved or can't be told.`

func proveCompletenessCommand() *cobra.Command {
	var from sourceFlags
	var snapshot, kubeconfig string
	var as output
	cmd := &cobra.Command{
		Use:   "completeness DIR",
		Short: "Find what a dump does not have",
		Long:  proveCompletenessHelp,
		Example: `  clustersnap prove completeness backup --snapshot etcd.snap
  clustersnap prove completeness backup --snapshot etcd.snap -o json`,
		Args: asUsed,
		RunE: func(cmd *cobra.Command, args []string) error {
			if snapshot == "" && (cmd.Flags().Changed("etcd-prefix") || cmd.Flags().Changed("encryption-config")) {
				return usageError{errors.New("--etcd-prefix and --encryption-config are for a snapshot of etcd: give --snapshot FILE")}
			}
			saved, err := readTree(args[0], nil)
			if err != nil {
				return fmt.Errorf("prove completeness %s: %w", args[0], err)
			}
			ctx := cmd.Context()
			dump := proof.Dump{Report: saved.Seen(), Entries: saved.Entries(ctx), Kept: kept(saved)}
			var p *proof.Proof
			if snapshot != "" {
				p, err = proveWith(ctx, dump, snapshot, from)
			} else {
				p, err = proveFromAPI(ctx, dump, kubeconfig)
			}
			if err != nil {
				return err
			}
			return showProof(cmd.OutOrStdout(), p, as)
		},
	}
	f := cmd.Flags()
	f.StringVar(&snapshot, "snapshot", "", "the `FILE` of an etcd snapshot, in the clear")
	from.snapshotFlags(cmd)
	f.StringVar(&kubeconfig, "kubeconfig", "", "a `FILE`, without --snapshot (or as kubectl)")
	as.flag(cmd)
	cmd.MarkFlagsMutuallyExclusive("snapshot", "kubeconfig")
	return cmd
}

// kept reads each file of a tree. A Secret that is encrypted is there for who has the key.
func kept(saved *tree.Saved) func(context.Context, manifests.Entry) error {
	return func(ctx context.Context, e manifests.Entry) error {
		_, err := saved.Object(ctx, e)
		secret := e.Group == "" && e.Resource == "secrets"
		switch {
		case errors.Is(err, tree.ErrSealed):
			return nil
		case errors.Is(err, tree.ErrNotKept):
			return fmt.Errorf("%w: Secrets are excluded", proof.ErrWithheld)
		case err == nil && secret && saved.Secrets() == tree.Redact:
			return fmt.Errorf("%w: Secrets are redacted", proof.ErrWithheld)
		}
		return err
	}
}

func proveWith(ctx context.Context, dump proof.Dump, name string, from sourceFlags) (*proof.Proof, error) {
	encryption, err := from.encryptionConfig()
	if err != nil {
		return nil, err
	}
	defer clear(encryption)
	is, err := isSet(name)
	if err == nil && is {
		err = usageError{fmt.Errorf("%s is a backup, and has its own proof in it: give a snapshot in the clear", name)}
	}
	if err != nil {
		return nil, fmt.Errorf("prove completeness: %w", err)
	}
	s, err := openDatabase(name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	defer s.close()
	p, err := proveAgainst(ctx, dump, s.Snapshot, proof.Options{Prefix: from.prefix, Encryption: encryption})
	if errors.Is(err, proof.ErrOtherCluster) {
		err = fmt.Errorf("%w: give a snapshot of the dump's own cluster", err)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return p, nil
}

// proveAgainst holds a dump against a snapshot that was taken since.
func proveAgainst(ctx context.Context, dump proof.Dump, s *etcdsnap.Snapshot, opts proof.Options) (*proof.Proof, error) {
	at, _ := strconv.ParseInt(dump.Report.ResourceVersion, 10, 64) // 0, as of a tree from git, is refused by the proof
	view, err := s.View(ctx, "", at)
	if errors.Is(err, etcdsnap.ErrCompacted) || errors.Is(err, etcdsnap.ErrFuture) {
		view, err = s.View(ctx, "", 0) // the proof says that it is weaker
	}
	if err != nil {
		return nil, err
	}
	events := func(after int64) iter.Seq2[*mvccpb.Event, error] { return s.Events(ctx, "", after) }
	return proof.Complete(ctx, dump, proof.Store{Revision: view.Revision(), Keys: view.Keys(ctx), Events: events}, opts)
}

func proveFromAPI(ctx context.Context, dump proof.Dump, kubeconfig string) (*proof.Proof, error) {
	config, err := restConfig(kubeconfig)
	if err != nil {
		return nil, err
	}
	p, err := proof.FromAPI(ctx, dump, config)
	if errors.Is(err, proof.ErrOtherCluster) {
		err = fmt.Errorf("%w: give the --kubeconfig of the dump's own cluster", err)
	}
	return p, err
}
