package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"time"

	"filippo.io/age"
	"github.com/spf13/cobra"

	"github.com/clustersnap/clustersnap"
	"github.com/clustersnap/clustersnap/examples/store"
	"github.com/clustersnap/clustersnap/kubeadm"
)

func backupCommand() *cobra.Command {
	var root string
	var to place
	var unread bool
	var keys, keyFiles []string
	cmd := &cobra.Command{
		Use:   "backup --to FILE|URL --recipient age1...",
		Short: "Back up this control-plane node into one encrypted file",
		Long: `Back up a control-plane node that kubeadm made into one encrypted file.

etcd, its certificates and its data directory are found in the static pod
manifests. A snapshot of etcd is taken and verified on its way; then the PKI,
the kubeconfigs and the manifests are sealed beside it. The file appears under
its name when all of it is on disk, or not at all. Nothing reaches a disk in
the clear.

A URL names a folder of a store, in which the set gets a name of its own, or a
set with its name. There it is read back, and then gets a receipt without
secrets beside it, which makes it count: see "clustersnap list --help" for URLs.
A FILE gets no receipt, so that "list" and "prune" take it for left over.

Run it as root on the node, or in a pod that mounts the node's root at /host.`,
		Example: `  # Once, and away from the cluster. Keep key.txt safe.
  age-keygen -pq -o key.txt
  age-keygen -y key.txt > recipient.txt

  clustersnap backup --to cp1.clustersnap --recipients-file recipient.txt
  clustersnap backup --root /host --to /backup/cp1 --recipient age1...
  clustersnap backup --to file:///mnt/nfs/sets/ --recipients-file recipient.txt
  clustersnap backup --to 's3://bucket/folder/?region=eu-central-1' \
    --recipients-file recipient.txt`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if to.to == "" {
				return usageError{errors.New("no destination: give --to FILE, or --to URL")}
			}
			if to.verdict = store.Verified; unread {
				to.verdict = store.Unverified
			}
			if err := to.check(); err != nil {
				return usageError{fmt.Errorf("backup: %w", err)}
			}
			if to.to == "-" {
				return usageError{errors.New(
					"a backup goes to a file that appears whole or not at all, not to standard output: give --to FILE")}
			}
			recipients, err := parseRecipients(keys, keyFiles)
			if err != nil {
				return err
			}
			out := steps{cmd.OutOrStdout()}
			_, where, err := backup(cmd.Context(), out, root, to, recipients, time.Now())
			if err != nil {
				return fmt.Errorf("backup: %w", err)
			}
			out.line("good", fmt.Sprintf("next: clustersnap verify %s --identity FILE", shellWord(where)))
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&root, "root", "/", "where the node's root is, a `DIR`")
	f.StringVar(&to.to, "to", "", "the `FILE` to write, which must not exist, or a URL")
	f.StringVar(&to.cluster, "cluster", "", "for a URL, the `NAME` of the cluster\n(default: by its CA)")
	f.StringVar(&to.node, "node", "",
		"for a URL, the `NAME` of the node (default: etcd's\nname, or if etcd is elsewhere /etc/hostname)")
	f.BoolVar(&unread, "no-read-back", false, "for a URL, don't read the set back: prune\nkeeps it until told")
	f.StringArrayVar(&keys, "recipient", nil, "a public `KEY` of who may open it (repeatable)")
	f.StringArrayVar(&keyFiles, "recipients-file", nil, "a `FILE` of such keys, one a line (repeatable)")
	return cmd
}

// backup writes one set, durable or absent, and says of which node and where it is.
func backup(
	ctx context.Context, out steps, root string, to place, recipients []age.Recipient, now time.Time,
) (_ *kubeadm.Node, where string, err error) {
	nodeFS := kubeadm.NodeFS(root)
	node, err := kubeadm.Read(nodeFS, kubeadm.Options{})
	if err != nil {
		return nil, "", err
	}
	endpoint := node.Etcd.Endpoints[0]
	out.line("node", fmt.Sprintf("%s, etcd at %s by %s",
		cmp.Or(node.Etcd.Name.Value, "external etcd"), endpoint.Value, path.Base(endpoint.Source.File)))
	for _, warning := range node.Warnings {
		out.line("note", warning)
	}

	file, about, err := to.create(ctx, node, nodeFS, now)
	if err != nil {
		return nil, "", err
	}
	defer file.Close() // removes it, unless committed
	sealed, err := age.Encrypt(file, recipients...)
	if err != nil {
		return nil, "", err
	}
	set := clustersnap.NewWriter(sealed, now)
	if err := addNode(set, node); err != nil {
		return nil, "", err
	}
	err = out.do("etcd", func(p progress) (string, error) {
		saved, err := addSnapshot(ctx, set, node, nodeFS, now, p)
		if err != nil {
			return "", err
		}
		about.Revision = saved.MinRevision
		if saved.Content != nil {
			about.Revision = saved.Content.Revision
		}
		return describeSnapshot(saved.Info, "etcd "+saved.Member.Version), nil
	})
	if err != nil {
		return nil, "", err
	}
	// After the snapshot: whatever key it needs is on disk by now.
	var pki pkiInfo
	err = out.do("pki", func(progress) (string, error) {
		pki, err = addPKI(set, node, nodeFS, recipients, now)
		return count(pki.Files, "file") + " sealed", err
	})
	if err != nil {
		return nil, "", err
	}
	for _, missing := range pki.Missing {
		out.line("note", fmt.Sprintf("%s names %s: %s", missing.From, missing.Path, missing.Why))
	}
	err = out.do("set", func(progress) (string, error) {
		for _, finish := range []func() error{set.Close, sealed.Close} {
			if err := finish(); err != nil {
				return "", err
			}
		}
		var size int64
		if where, size, err = file.Commit(ctx, about); err != nil {
			return "", err
		}
		return fmt.Sprintf("%s %s, encrypted for %s", mib(size), to.state(), count(len(recipients), "recipient")), nil
	})
	return node, where, err
}
