package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"time"

	"filippo.io/age"
	"github.com/spf13/cobra"

	"github.com/clustersnap/clustersnap"
	"github.com/clustersnap/clustersnap/kubeadm"
)

func backupCommand() *cobra.Command {
	var root, to string
	var keys, keyFiles []string
	cmd := &cobra.Command{
		Use:   "backup --to FILE --recipient age1...",
		Short: "Back up this control-plane node into one encrypted file",
		Long: `Back up a control-plane node that kubeadm made into one encrypted file.

etcd, its certificates and its data directory are found in the static pod
manifests. A snapshot of etcd is taken and verified on its way; then the PKI,
the kubeconfigs and the manifests are sealed beside it. The file appears under
its name when all of it is on disk, or not at all. Nothing reaches a disk in
the clear.

Run it as root on the node, or in a pod that mounts the node's root at /host.`,
		Example: `  # Once, and away from the cluster. Keep key.txt safe.
  age-keygen -pq -o key.txt
  age-keygen -y key.txt > recipient.txt

  clustersnap backup --to cp1.clustersnap --recipients-file recipient.txt
  clustersnap backup --root /host --to /backup/cp1 --recipient age1...`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if to == "" {
				return usageError{errors.New("no destination: give --to FILE")}
			}
			if to == "-" {
				return usageError{errors.New("a backup goes to a file that appears whole or not at all, not to standard output: give --to FILE")}
			}
			recipients, err := parseRecipients(keys, keyFiles)
			if err != nil {
				return err
			}
			out := steps{cmd.OutOrStdout()}
			if _, err := backup(cmd.Context(), out, root, to, recipients, time.Now()); err != nil {
				return fmt.Errorf("backup: %w", err)
			}
			out.line("good", fmt.Sprintf("next: clustersnap verify %s --identity FILE", to))
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&root, "root", "/", "where the node's root is, a `DIR`")
	f.StringVar(&to, "to", "", "the `FILE` to write; it must not exist")
	f.StringArrayVar(&keys, "recipient", nil, "a public `KEY` of who may open it (repeatable)")
	f.StringArrayVar(&keyFiles, "recipients-file", nil, "a `FILE` of such keys, one a line (repeatable)")
	return cmd
}

// backup writes one set to the file to, durable or absent, and says of which node.
func backup(ctx context.Context, out steps, root, to string, recipients []age.Recipient, now time.Time) (*kubeadm.Node, error) {
	nodeFS := kubeadm.NodeFS(root)
	node, err := kubeadm.Read(nodeFS, kubeadm.Options{})
	if err != nil {
		return nil, err
	}
	endpoint := node.Etcd.Endpoints[0]
	out.line("node", fmt.Sprintf("%s, etcd at %s by %s", cmp.Or(node.Etcd.Name.Value, "external etcd"), endpoint.Value, path.Base(endpoint.Source.File)))
	for _, warning := range node.Warnings {
		out.line("note", warning)
	}

	file, err := clustersnap.Create(to)
	if err != nil {
		return nil, err
	}
	defer file.Close() // removes it, unless committed
	sealed, err := age.Encrypt(file, recipients...)
	if err != nil {
		return nil, err
	}
	set := clustersnap.NewWriter(sealed, now)
	if err := addNode(set, node); err != nil {
		return nil, err
	}
	err = out.do("etcd", func(p progress) (string, error) {
		saved, err := addSnapshot(ctx, set, node, nodeFS, now, p)
		if err != nil {
			return "", err
		}
		return describeSnapshot(saved.Info, "etcd "+saved.Member.Version), nil
	})
	if err != nil {
		return nil, err
	}
	// After the snapshot: whatever key it needs is on disk by now.
	var pki pkiInfo
	err = out.do("pki", func(progress) (string, error) {
		pki, err = addPKI(set, node, nodeFS, recipients, now)
		return count(pki.Files, "file") + " sealed", err
	})
	if err != nil {
		return nil, err
	}
	for _, missing := range pki.Missing {
		out.line("note", fmt.Sprintf("%s names %s: %s", missing.From, missing.Path, missing.Why))
	}
	return node, out.do("set", func(progress) (string, error) {
		for _, finish := range []func() error{set.Close, sealed.Close, file.Commit} {
			if err := finish(); err != nil {
				return "", err
			}
		}
		info, err := os.Stat(to)
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("%s on disk, encrypted for %s", mib(info.Size()), count(len(recipients), "recipient")), nil
	})
}
