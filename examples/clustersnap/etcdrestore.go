package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"time"

	"filippo.io/age"
	"github.com/spf13/cobra"

	"github.com/clustersnap/clustersnap/etcdsnap/restore"
)

func etcdRestoreCommand() *cobra.Command {
	var identity string
	var m restore.Member
	cmd := &cobra.Command{
		Use:   "restore FILE --identity FILE --data-dir DIR",
		Short: "Make an etcd data directory from a backup",
		Long: `Make an etcd data directory from a backup.

The directory appears whole or not at all, and must be empty or not exist: move
the old one aside first, and keep it. It is for the member that was backed up,
under its name and peer URL, as the first of a new cluster: etcd must be stopped
on every control-plane node, and the others join anew.

The revision is raised above all that any client has seen, and the past is
marked compacted, so that every controller and kubelet lists anew instead of
missing changes. Start etcd alone first, then kube-apiserver, then the rest, and
restart every kubelet.`,
		Example: `  # Stop the static pods, and wait until etcd and kube-apiserver are gone.
  mv /etc/kubernetes/manifests /etc/kubernetes/manifests.stopped
  mv /var/lib/etcd /var/lib/etcd.old

  clustersnap etcd restore cp1.clustersnap --identity key.txt \
    --data-dir /var/lib/etcd`,
		Args: oneFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			if m.DataDir == "" {
				return usageError{fmt.Errorf("no data directory: give --data-dir DIR")}
			}
			identities, err := readIdentities(identity)
			if err != nil {
				return err
			}
			out := steps{cmd.OutOrStdout()}
			if err := restoreEtcd(cmd.Context(), out, args[0], identities, m, time.Now()); err != nil {
				return fmt.Errorf("etcd restore: %w", err)
			}
			out.line("good", "start etcd alone, then kube-apiserver, then the rest, then restart kubelets")
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&identity, "identity", "", "the `FILE` with the secret key, or - for standard input")
	f.StringVar(&m.DataDir, "data-dir", "", "the `DIR` to make, etcd's --data-dir")
	f.StringVar(&m.Name, "name", "", "the member's `NAME` (default: as backed up)")
	f.StringVar(&m.PeerURL, "peer-url", "", "the member's peer `URL` (default: as backed up)")
	return cmd
}

// restoreEtcd makes the data directory of m, whose name and peer URL default to those of the backup.
func restoreEtcd(ctx context.Context, out steps, name string, identities []age.Identity, m restore.Member, now time.Time) error {
	set, f, err := openSet(name, identities)
	if err != nil {
		return err
	}
	defer f.Close()
	node, err := readNode(set)
	if err != nil {
		return err
	}
	m.Name = cmp.Or(m.Name, node.Etcd.Name.Value)
	m.PeerURL = cmp.Or(m.PeerURL, node.Etcd.PeerURL.Value)
	out.line("member", fmt.Sprintf("%s at %s, backup of %s", m.Name, m.PeerURL, set.Created().Format(time.RFC3339)))
	return out.do("etcd", func(p progress) (string, error) {
		src, _, err := openSnapshot(set)
		if err != nil {
			return "", err
		}
		defer src.Close()
		r, err := restore.Restore(ctx, io.TeeReader(src, p.wrap(io.Discard)), m, now.Sub(set.Created()))
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("%s in place, revision %d raised to %d", mib(r.Snapshot.Size), r.SnapshotRevision, r.Revision), nil
	})
}
