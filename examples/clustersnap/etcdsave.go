package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/clustersnap/clustersnap"
	"github.com/clustersnap/clustersnap/etcdsnap"
)

func etcdSaveCommand() *cobra.Command {
	var o etcdFlags
	cmd := &cobra.Command{
		Use:   "save --endpoints URL[,URL] --to FILE",
		Short: "Save a verified snapshot of etcd to a file, in the clear",
		Long: `Save a verified snapshot of etcd to a file, in the clear.

Of several endpoints the best member is taken, a follower that keeps up; if it
fails, the next one. The snapshot is verified on its way: its digest, its tree,
each record, and that it reaches the cluster's revision. The file appears when
all of it is on disk, or not at all.

With --data-dir, on the member's own machine, pages are read from its file
while etcd keeps them, which is faster and spares etcd; if in doubt, they are
streamed. With --stopped, etcd must not be running there: its database is
saved without it.

A snapshot holds every Secret. "clustersnap backup" encrypts it.`,
		Example: `  clustersnap etcd save --to etcd.snap --endpoints https://10.0.0.11:2379 \
    --cacert ca.crt --cert client.crt --key client.key
  clustersnap etcd save --to etcd.snap --stopped --data-dir /var/lib/etcd`,
		Args: asUsed,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(); err != nil {
				return usageError{err}
			}
			out := steps{cmd.OutOrStdout()}
			save := saveRunning
			if o.stopped {
				save = saveStopped
			}
			if err := save(cmd.Context(), out, o); err != nil {
				return fmt.Errorf("etcd save: %w", err)
			}
			out.line("good", fmt.Sprintf("%s, for root's eyes only", o.to))
			return nil
		},
	}
	o.access(cmd)
	f := cmd.Flags()
	f.StringVar(&o.dataDir, "data-dir", "", "the `DIR` of a member on this machine")
	f.StringVar(&o.walDir, "wal-dir", "", "that member's --wal-dir, a `DIR`, if it has one")
	f.BoolVar(&o.stopped, "stopped", false, "save from --data-dir, where etcd is not running")
	f.StringVar(&o.prefix, "etcd-prefix", etcdsnap.DefaultPrefix, "kube-apiserver's `PATH`")
	f.StringVar(&o.to, "to", "", "the `FILE` to write; it must not exist")
	return cmd
}

func saveRunning(ctx context.Context, out steps, o etcdFlags) error {
	client, err := o.dial(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	var saved *etcdsnap.Saved
	err = out.do("etcd", func(p progress) (_ string, err error) {
		opts := etcdsnap.Options{DataDir: o.dataDir, WALDir: o.walDir, Prefix: o.prefix, Progress: p.at}
		if saved, err = etcdsnap.SaveFile(ctx, o.to, client, opts); err != nil {
			return "", err
		}
		return describeSnapshot(saved.Info, "etcd "+saved.Member.Version), nil
	})
	if err != nil {
		return err
	}
	sayMembers(out, saved)
	return nil
}

// sayMembers says which member was taken, and what else one should know.
func sayMembers(out steps, saved *etcdsnap.Saved) {
	how := "streamed"
	if saved.Local {
		how = "read from its file"
	} else if saved.NotLocal != "" {
		how += ", not read from its file: " + saved.NotLocal
	}
	out.line("member", fmt.Sprintf("%s, %s", saved.Member.Endpoint, how))
	for _, m := range saved.Others {
		if m.Refused != "" {
			out.line("refused", m.Endpoint+": "+m.Refused)
		}
	}
	for _, a := range saved.Member.Alarms {
		out.line("alarm", fmt.Sprintf("%s at member %s", a.Kind, a.MemberID))
	}
}

func saveStopped(ctx context.Context, out steps, o etcdFlags) error {
	f, err := clustersnap.Create(o.to)
	if err != nil {
		return err
	}
	defer f.Close()
	var stopped *etcdsnap.Stopped
	err = out.do("etcd", func(p progress) (_ string, err error) {
		opts := etcdsnap.StoppedOptions{WALDir: o.walDir, Prefix: o.prefix}
		if stopped, err = etcdsnap.SaveStopped(ctx, p.wrap(f), o.dataDir, opts); err != nil {
			return "", err
		}
		return describeSnapshot(stopped.Info, "a stopped etcd"), f.Commit()
	})
	if err != nil {
		return err
	}
	const behind = "%d raft entries are in the write-ahead log alone, which ends at %d: start etcd instead if it can be started"
	out.line("behind", fmt.Sprintf(behind, stopped.Behind, stopped.LogIndex))
	return nil
}
