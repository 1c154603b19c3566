package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/clustersnap/clustersnap/examples/store"
)

const backupHelp = `Back up a control-plane node that kubeadm made, and its cluster, into one
encrypted file: a set.

etcd, its certificates and its data directory are found in the static pod
manifests. In this order, so that what is said of the set holds:

  volumes   with --volumes: snapshots of them, by their drivers
  objects   each as it was at one instant, by the API server
  etcd      a snapshot, verified on its way, which has that instant, too
  pki       certificates, keys, kubeconfigs and manifests, sealed once more
  pairing   whether these files belong to that snapshot
  proof     whether the objects are all that etcd has, key by key
  boot      with --prove-boot: whether an etcd comes up with the snapshot

The set appears under its name when all of it is on disk, or not at all, and has
a report of what is in it and what of the cluster is not. Nothing reaches a disk
in the clear, but what --prove-boot boots.

The API server is asked with --kubeconfig, or the service account of the pod
that this runs in, or else the node's /etc/kubernetes/admin.conf. --etcd-only
leaves it alone: no objects, no volumes, no proof.

A set that can be restored, and lacks something that was to be in it, is made
all the same: it is "degraded", and the exit code is 1.

A URL names a folder of a store, in which the set gets a name of its own, or a
set with its name. There it is read back, and then gets a receipt without
secrets beside it, which makes it count: see "clustersnap list --help" for URLs.
A FILE gets no receipt, so that "list" and "prune" take it for left over.

How it went can also be told to Prometheus, by a file for node_exporter or to a
Pushgateway, and to the cluster as an Event about the node.

Run it as root on the node, or in a pod that mounts the node's root at /host.`

// backupFlags are what is backed up, and where to.
type backupFlags struct {
	root       string
	to         place
	unread     bool
	kubeconfig string
	etcdOnly   bool
	volumes    volumeWish
	scratch    string
	prove      bool
	outlets    outlets
	keys       []string
	keyFiles   []string
}

func backupCommand() *cobra.Command {
	var flags backupFlags
	cmd := &cobra.Command{
		Use:   "backup --to FILE|URL --recipient age1...",
		Short: "Back up this node and its cluster into one encrypted file",
		Long:  backupHelp,
		Example: `  # Once, and away from the cluster. Keep key.txt safe.
  age-keygen -pq -o key.txt
  age-keygen -y key.txt > recipient.txt

  clustersnap backup --to cp1.clustersnap --recipients-file recipient.txt
  clustersnap backup --root /host --to /backup/cp1 --recipient age1...
  clustersnap backup --to file:///mnt/nfs/sets/ --recipients-file recipient.txt
  clustersnap backup --to 's3://bucket/folder/?region=eu-central-1' \
    --recipients-file recipient.txt --volumes all --accept hostPath,ephemeral`,
		Args: asUsed,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := flags.check(); err != nil {
				return usageError{fmt.Errorf("backup: %w", err)}
			}
			recipients, err := parseRecipients(flags.keys, flags.keyFiles)
			if err != nil {
				return err
			}
			b := backing{backupFlags: flags, out: steps{cmd.OutOrStdout()}, now: time.Now(), recipients: recipients}
			err = b.backup(cmd.Context())
			b.result.fails(err)
			if untold := b.tell(cmd.Context(), time.Now()); untold != nil {
				b.out.line("note", "nobody was told by "+untold.Error())
			}
			if err != nil {
				return fmt.Errorf("backup: %w", err)
			}
			b.out.copied("good", fmt.Sprintf("next: clustersnap verify %s --identity FILE", shellWord(b.result.where)))
			return nil
		},
	}
	flags.flags(cmd)
	return cmd
}

func (b *backupFlags) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&b.root, "root", "/", "where the node's root is, a `DIR`")
	f.StringVar(&b.to.to, "to", "", "the `FILE` to write, which must not exist, or a URL")
	f.StringVar(&b.to.cluster, "cluster", "", "for a URL, the `NAME` of the cluster\n(default: by its CA)")
	f.StringVar(&b.to.node, "node", "",
		"for a URL, the `NAME` of the node (default: etcd's\nname, or if etcd is elsewhere /etc/hostname)")
	f.BoolVar(&b.unread, "no-read-back", false, "for a URL, don't read the set back: prune\nkeeps it until told")
	f.StringArrayVar(&b.keys, "recipient", nil, "a public `KEY` of who may open it (repeatable)")
	f.StringArrayVar(&b.keyFiles, "recipients-file", nil, "a `FILE` of such keys, one a line (repeatable)")
	f.StringVar(&b.kubeconfig, "kubeconfig", "", "a `FILE`; if not given, see above")
	f.BoolVar(&b.etcdOnly, "etcd-only", false, "don't ask the API server")
	f.StringVar(&b.scratch, "scratch", os.TempDir(), "a `DIR` with room for etcd's data once more, encrypted")
	f.BoolVar(&b.prove, "prove-boot", false, "boot etcd on the snapshot in --scratch, in the clear;\nneeds twice the snapshot and 320 MiB besides")
	b.volumes.flags(cmd)
	b.outlets.flags(cmd)
}

// check refuses what can be known to be wrong before any work is done.
func (b *backupFlags) check() error {
	if b.to.to == "" {
		return errors.New("no destination: give --to FILE, or --to URL")
	}
	if b.to.verdict = store.Verified; b.unread {
		b.to.verdict = store.Unverified
	}
	if err := b.to.check(); err != nil {
		return err
	}
	if b.to.to == "-" {
		return errors.New("a backup goes to a file that appears whole or not at all, not to standard output: give --to FILE")
	}
	if b.etcdOnly && (b.kubeconfig != "" || b.volumes.which != "") {
		return errors.New("--kubeconfig and --volumes ask the API server: leave --etcd-only out")
	}
	if b.kubeconfig != "" {
		if _, err := restConfig(b.kubeconfig); err != nil {
			return err
		}
	}
	return errors.Join(b.volumes.check(), b.outlets.check())
}
