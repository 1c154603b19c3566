package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"time"

	"filippo.io/age"
	"github.com/spf13/cobra"

	"github.com/clustersnap/clustersnap"
	"github.com/clustersnap/clustersnap/etcdsnap"
	"github.com/clustersnap/clustersnap/kubeadm"
	"github.com/clustersnap/clustersnap/pkibundle"
)

// The members of a set, in the order in which they are written.
const (
	nodeMember = "node.json"     // kubeadm.Node: what the backup was made from
	etcdMember = "etcd.snap.zst" // described by etcdsnap.Saved
	pkiMember  = "pki.tar.age"   // described by pkiInfo
)

// pkiInfo describes the sealed PKI without opening it.
type pkiInfo struct {
	Files  int    `json:"files"`
	Digest string `json:"digest"` // of the bundle's manifest
}

func backupCommand() *cobra.Command {
	var root, to string
	var keys, keyFiles []string
	cmd := &cobra.Command{
		Use:   "backup --to FILE --recipient age1...",
		Short: "Back up this control-plane node into one encrypted file",
		Long: `Back up a control-plane node that kubeadm made into one encrypted file.

etcd, its certificates and its data directory are found in the static pod
manifests. A snapshot of etcd is taken and verified on its way, then the PKI, the
kubeconfigs and the manifests are sealed beside it. The file appears under its
name when all of it is on disk, or not at all. Nothing reaches a disk in the clear.

Run it as root on the node, or in a pod with the node's root mounted at /host.`,
		Example: `  age-keygen -pq -o key.txt        # once, away from the cluster; keep key.txt safe
  clustersnap backup --to /var/backups/cp1.clustersnap --recipient age1pq1...
  clustersnap backup --root /host --to /backup/cp1.clustersnap --recipients-file team.txt`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if to == "" {
				return usageError{fmt.Errorf("no destination: give --to FILE")}
			}
			recipients, err := parseRecipients(keys, keyFiles)
			if err != nil {
				return err
			}
			out := steps{cmd.OutOrStdout()}
			node, err := backup(cmd.Context(), out, root, to, recipients, time.Now())
			if err != nil {
				return fmt.Errorf("backup: %w", err)
			}
			out.line("good", fmt.Sprintf("%s holds etcd and the PKI of %s: now run clustersnap verify %s --identity FILE", to, node.Etcd.Name.Value, to))
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&root, "root", "/", "where the node's root file system is")
	f.StringVar(&to, "to", "", "the file to write; it must not exist")
	f.StringArrayVar(&keys, "recipient", nil, "an age public key that may open the backup (repeatable)")
	f.StringArrayVar(&keyFiles, "recipients-file", nil, "a file of such keys, one a line (repeatable)")
	return cmd
}

// backup writes one set to the file to, durable or absent.
func backup(ctx context.Context, out steps, root, to string, recipients []age.Recipient, now time.Time) (*kubeadm.Node, error) {
	nodeFS := kubeadm.NodeFS(root)
	node, err := kubeadm.Read(nodeFS)
	if err != nil {
		return nil, err
	}
	endpoint := node.Etcd.Endpoints[0]
	out.line("node", fmt.Sprintf("etcd member %s at %s (%s)", node.Etcd.Name.Value, endpoint.Value, endpoint.Source))

	file, err := clustersnap.Create(to)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	sealed, err := age.Encrypt(file, recipients...)
	if err != nil {
		return nil, err
	}
	set := clustersnap.NewWriter(sealed, now)
	if err := set.Add(nodeMember, nil, func(w io.Writer) error { return json.NewEncoder(w).Encode(node) }); err != nil {
		return nil, err
	}
	err = out.do("etcd", func(wrap func(io.Writer) io.Writer) (string, error) {
		saved, err := addSnapshot(ctx, set, node, nodeFS, wrap)
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("%s from etcd %s, revision %d or later, digest right", mib(saved.Size), saved.Version, saved.MinRevision), nil
	})
	if err != nil {
		return nil, err
	}
	// After the snapshot: a key that the snapshot needs is on disk by then.
	err = out.do("pki", func(func(io.Writer) io.Writer) (string, error) {
		bundle, err := pkibundle.Collect(nodeFS, node.Files)
		if err != nil {
			return "", err
		}
		defer bundle.Clear()
		var info pkiInfo
		return fmt.Sprintf("%d files sealed", len(bundle.Files)), set.Add(pkiMember, &info, func(w io.Writer) error {
			manifest, err := pkibundle.Seal(w, bundle, recipients...)
			if err == nil {
				info = pkiInfo{Files: len(bundle.Files), Digest: manifest.Digest()}
			}
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	return node, out.do("set", func(func(io.Writer) io.Writer) (string, error) {
		for _, finish := range []func() error{set.Close, sealed.Close, file.Commit} {
			if err := finish(); err != nil {
				return "", err
			}
		}
		return fmt.Sprintf("%s is on disk, encrypted for %s", to, count(len(recipients), "recipient")), nil
	})
}

// addSnapshot adds a verified snapshot of the node's etcd to the set.
func addSnapshot(ctx context.Context, set *clustersnap.Writer, node *kubeadm.Node, nodeFS fs.FS, wrap func(io.Writer) io.Writer) (*etcdsnap.Saved, error) {
	config, err := node.Etcd.TLSConfig(nodeFS)
	if err != nil {
		return nil, err
	}
	client, err := etcdsnap.Dial(ctx, node.Etcd.Endpoints[0].Value, config)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	var saved etcdsnap.Saved
	return &saved, set.Add(etcdMember, &saved, clustersnap.Compressed(func(w io.Writer) error {
		s, err := etcdsnap.Save(ctx, wrap(w), client, etcdsnap.Options{})
		if err == nil {
			saved = *s
		}
		return err
	}))
}
