package main

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"filippo.io/age"
	"github.com/spf13/cobra"

	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/diff"
	"github.com/clustersnap/clustersnap/manifests/storage"
	"github.com/clustersnap/clustersnap/manifests/tree"
)

// sourceFlags say how a SOURCE is read: a snapshot of etcd, alone or in a backup, a directory that "manifests dump" has
// written, or the cluster.
type sourceFlags struct {
	setFlags
	prefix, encryption string
	revision           int64
	live               func() (*manifests.Cluster, error) // nil where the cluster is no SOURCE
}

func (s *sourceFlags) flags(cmd *cobra.Command) {
	s.snapshotFlags(cmd)
	s.setFlags.flags(cmd)
	cmd.Flags().Int64Var(&s.revision, "revision", 0, "an older `REVISION` of a snapshot")
}

// liveFlag makes the cluster a SOURCE, by the name of live.
func (s *sourceFlags) liveFlag(cmd *cobra.Command) {
	kubeconfig := cmd.Flags().String("kubeconfig", "", "for live, a `FILE`; if not given, as kubectl")
	s.live = func() (*manifests.Cluster, error) { return connect(*kubeconfig) }
}

// snapshotFlags are those of where snapshots of etcd come from.
func (s *sourceFlags) snapshotFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&s.prefix, "etcd-prefix", storage.DefaultPrefix, "kube-apiserver's `PATH`")
	f.StringVar(&s.encryption, "encryption-config", "", "kube-apiserver's `FILE`")
}

// encryptionConfig reads the file of the flag, if that is given. The caller clears it.
func (s *sourceFlags) encryptionConfig() ([]byte, error) {
	if s.encryption == "" {
		return nil, nil
	}
	return os.ReadFile(s.encryption)
}

// source is what the objects of a SOURCE are read from. Its side has entries and canonical texts.
type source struct {
	diff.Observed
	prefix   string
	whole    bool                       // the options have selected nothing, as of a tree
	snapshot *snapshot                  // nil if it is none
	at       func(manifests.Key) string // where a snapshot has an object
}

// open opens a SOURCE, of which the options select what its side has, unless that is whole. The caller closes it.
func (s *sourceFlags) open(ctx context.Context, name string, opts manifests.Options) (*source, error) {
	if name == "live" && s.live != nil {
		return s.openLive(opts)
	}
	if stat, err := os.Stat(name); err == nil && stat.IsDir() {
		return s.openTree(name)
	}
	snap, err := readSnapshot(ctx, name, *s, opts.Level)
	if err != nil {
		return nil, err
	}
	side := snap.decoder.Versions(snap.view, selectionOf(opts))
	return &source{Observed: side, prefix: snap.prefix, snapshot: snap, at: side.EtcdKey}, nil
}

// selectionOf gives the options of a dump of a cluster as those of a snapshot.
func selectionOf(opts manifests.Options) storage.Selection {
	return storage.Selection{Namespaces: opts.Namespaces, LabelSelector: opts.LabelSelector, Classes: opts.Classes}
}

func (s *sourceFlags) openTree(name string) (*source, error) {
	if s.revision != 0 || s.encryption != "" {
		return nil, usageError{errors.New("it is a directory: --revision and --encryption-config are for snapshots of etcd")}
	}
	identities, err := s.identities()
	if err != nil {
		return nil, err
	}
	saved, err := readTree(name, identities)
	if err != nil {
		return nil, err
	}
	return &source{Observed: saved, whole: true}, nil
}

func (s *sourceFlags) openLive(opts manifests.Options) (*source, error) {
	if s.revision != 0 || s.encryption != "" || s.identity != "" {
		return nil, usageError{errors.New("it is the cluster: --revision, --encryption-config and --identity are for snapshots of etcd")}
	}
	cluster, err := s.live()
	if err != nil {
		return nil, err
	}
	return &source{Observed: diff.Live(cluster, opts)}, nil
}

// readTree reads a directory that "manifests dump" has written.
func readTree(name string, identities []age.Identity) (*tree.Saved, error) {
	if !there(name) {
		return nil, errors.New("there is no such directory: look at how it is written")
	}
	saved, err := tree.Read(os.DirFS(name), identities...)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errors.New(`it has no index.json: give a directory that "manifests dump" has written`)
	}
	return saved, err
}

func (s *source) close() error {
	if s.snapshot == nil {
		return nil
	}
	return s.snapshot.close()
}

// entries gives those of a source.
func (s *source) entries(ctx context.Context) (all []manifests.Entry, err error) {
	for e, err := range s.Entries(ctx) {
		if err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return all, nil
}
