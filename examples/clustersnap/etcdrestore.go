package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"
)

func etcdRestoreCommand() *cobra.Command {
	var identity string
	var r etcdRestore
	cmd := &cobra.Command{
		Use:   "restore FILE --data-dir DIR",
		Short: "Make an etcd data directory from a backup or a snapshot",
		Long: `Make an etcd data directory from a backup or a snapshot.

The directory appears whole or not at all. It must be empty or not exist; with
--move-aside an old member in it is put aside, in the moment in which the new
one takes its place. Nothing is deleted. It is for the member that was backed
up, under its name and peer URL, as the first of a new cluster: etcd must be
stopped on every control-plane node, and the others join anew. To restore
several members on their own nodes instead, give each of them the same backup
and --initial-cluster; the first one says which --cluster-token and --revision
the others need.

The revision is raised above all that any client has seen, and the past is
marked compacted, so that every controller and kubelet lists anew instead of
missing changes. Start etcd alone first, then kube-apiserver, then the rest, and
restart every kubelet.

A plain snapshot, as etcdctl saves it, needs no --identity, but --name,
--peer-url, and --taken: it does not say when it was made.`,
		Example: `  # Stop the static pods, and wait until etcd and kube-apiserver are gone.
  mv /etc/kubernetes/manifests /etc/kubernetes/manifests.stopped

  clustersnap etcd restore cp1.clustersnap --identity key.txt \
    --data-dir /var/lib/etcd --move-aside

  clustersnap etcd restore etcd.snap --taken 2026-11-26T04:00:00Z --name cp1 \
    --peer-url https://10.0.0.11:2380 --data-dir /var/lib/etcd`,
		Args: asUsed,
		RunE: func(cmd *cobra.Command, args []string) error {
			if r.member.DataDir == "" {
				return usageError{fmt.Errorf("no data directory: give --data-dir DIR")}
			}
			out := steps{cmd.OutOrStdout()}
			run := func() error { return r.snapshot(cmd.Context(), out, args[0], time.Now()) }
			if identity != "" {
				identities, err := readIdentities(identity)
				if err != nil {
					return err
				}
				run = func() error { return r.backup(cmd.Context(), out, args[0], identities, time.Now()) }
			}
			if err := run(); err != nil {
				return fmt.Errorf("etcd restore: %w", err)
			}
			out.line("good", "start etcd alone, then kube-apiserver, then the rest, then restart kubelets")
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&identity, "identity", "", "the `FILE` with a backup's secret key, or - for standard input")
	r.flags(cmd)
	return cmd
}

func (r *etcdRestore) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&r.member.DataDir, "data-dir", "", "the `DIR` to make, etcd's --data-dir")
	f.StringVar(&r.member.WALDir, "wal-dir", "", "etcd's --wal-dir, a `DIR` (default: inside)")
	f.StringVar(&r.member.Name, "name", "", "the member's `NAME` (default: as backed up)")
	f.StringVar(&r.peerURL, "peer-url", "", "its peer `URL`s (default: as backed up)")
	f.StringVar(&r.initialCluster, "initial-cluster", "",
		"the `LIST` NAME=URL,... of all members, where others are restored, too")
	f.StringVar(&r.opts.ClusterToken, "cluster-token", "", "the `TOKEN` that these share (default: random)")
	f.Int64Var(&r.opts.Revision, "revision", 0, "the new `REVISION` of these (default: by age)")
	f.StringVar(&r.taken, "taken", "", "the `TIME` of a plain snapshot, like 2026-11-26T04:00:00Z")
	f.BoolVar(&r.opts.MoveAside, "move-aside", false, "put an old member aside")
	f.Int64Var(&r.opts.LastRevision, "last-revision", 0, "the last `REVISION` known of the old cluster")
	f.StringVar(&r.opts.Etcd, "etcd-version", "", "refuse what etcd `VERSION` can't start from")
	f.BoolVar(&r.opts.DropAuth, "drop-auth", false, "authentication off, users and roles removed")
	f.BoolVar(&r.opts.DropLeases, "drop-leases", false, "leases removed: their keys never expire")
	f.BoolVar(&r.opts.DespiteCorruption, "despite-corruption", false, "take one with a CORRUPT alarm")
	f.BoolVar(&r.opts.NoDigest, "no-digest", false, "take a copy of a database file")
	f.BoolVar(&r.opts.WatchesMissEvents, "watches-miss-events", false, "leave the revision: objects go stale")
}
