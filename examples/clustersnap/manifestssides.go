package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/diff"
	"github.com/clustersnap/clustersnap/manifests/tree"
)

// views opens the sides of a comparison.
type views struct {
	selection
	snapshots sourceFlags
	restored  bool               // etcd was, so that versions say nothing
	cluster   *manifests.Cluster // connected once it is asked for
	opened    []*snapshot
}

func (v *views) open(ctx context.Context, name string) (diff.Side, error) {
	if name == "live" {
		cluster, err := v.live()
		if err != nil {
			return nil, err
		}
		if v.restored {
			return diff.Dumped(cluster, v.options()), nil
		}
		return diff.Live(cluster, v.options()), nil
	}
	file, revision := atRevision(name)
	if stat, err := os.Stat(file); err != nil || !stat.IsDir() {
		return v.openSnapshot(ctx, file, revision)
	}
	dir := os.DirFS(name)
	if _, err := fs.Stat(dir, "index.json"); err == nil {
		return tree.Read(dir, v.snapshots.read...)
	}
	cluster, err := v.live() // it knows the kinds and the defaults
	if err != nil {
		return nil, fmt.Errorf("%s holds files as people write them, which takes a cluster to understand: %w", name, err)
	}
	lookup := func(apiVersion, kind string) (manifests.Resource, error) {
		return cluster.Lookup(ctx, apiVersion, kind)
	}
	return diff.Files(ctx, dir, lookup, diff.FileOptions{Level: v.options().Level, Server: cluster})
}

// atRevision takes the revision from the name of a snapshot, unless that is the name of a file. It is 0 for the latest.
func atRevision(name string) (file string, revision int64) {
	if _, err := os.Stat(name); err == nil {
		return name, 0
	}
	if i := strings.LastIndexByte(name, '@'); i >= 0 {
		if revision, err := strconv.ParseInt(name[i+1:], 10, 64); err == nil && revision > 0 {
			return name[:i], revision
		}
	}
	return name, 0
}

func (v *views) openSnapshot(ctx context.Context, file string, revision int64) (diff.Side, error) {
	flags := v.snapshots
	flags.revision = revision
	snap, err := readSnapshot(ctx, file, flags, v.options().Level)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	v.opened = append(v.opened, snap)
	if v.restored {
		return snap.decoder.Hashes(snap.view, selectionOf(v.options())), nil
	}
	return snap.decoder.Versions(snap.view, selectionOf(v.options())), nil
}

// close closes the snapshots.
func (v *views) close() {
	for _, s := range v.opened {
		s.close()
	}
}

func (v *views) live() (*manifests.Cluster, error) {
	if v.cluster == nil {
		var err error
		if v.cluster, err = connect(v.kubeconfig); err != nil {
			return nil, err
		}
	}
	return v.cluster, nil
}
