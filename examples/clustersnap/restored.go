package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"filippo.io/age"

	"github.com/clustersnap/clustersnap/etcdsnap"
	"github.com/clustersnap/clustersnap/etcdsnap/restore"
)

// etcdRestore is what the command line says.
type etcdRestore struct {
	member         restore.Member
	peerURL        string
	initialCluster string
	taken          string
	opts           restore.Options
}

// backup restores from a set: name and peer URL default to those of the node that was backed up.
func (r etcdRestore) backup(ctx context.Context, out steps, name string, identities []age.Identity, now time.Time) error {
	set, f, err := openSet(ctx, name, identities)
	if err != nil {
		return err
	}
	defer f.Close()
	node, err := readNode(set)
	if err != nil {
		return err
	}
	r.member.Name = cmp.Or(r.member.Name, node.Etcd.Name.Value)
	if r.peerURL == "" {
		var urls []string
		for _, u := range node.Etcd.PeerURLs {
			urls = append(urls, u.Value)
		}
		r.peerURL = strings.Join(urls, ",")
	}
	src, _, err := openSnapshot(set)
	if err != nil {
		return err
	}
	defer src.Close()
	return r.run(ctx, out, src, set.Created(), now)
}

// snapshot restores from a file that etcd has sent.
func (r etcdRestore) snapshot(ctx context.Context, out steps, name string, now time.Time) error {
	if r.member.Name == "" || r.peerURL == "" || r.taken == "" {
		return usageError{errors.New("a plain snapshot needs --name, --peer-url and --taken, and a backup --identity")}
	}
	taken, err := time.Parse(time.RFC3339, r.taken)
	if err != nil {
		return usageError{fmt.Errorf("--taken: %w", err)}
	}
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return r.run(ctx, out, f, taken, now)
}

func (r etcdRestore) run(ctx context.Context, out steps, src io.Reader, taken, now time.Time) error {
	members, err := r.members()
	if err != nil {
		return err
	}
	out.line("member", fmt.Sprintf("%s at %s, backup of %s", r.member.Name, r.peerURL, taken.Format(time.RFC3339)))
	var result *restore.Result
	err = out.do("etcd", func(p progress) (string, error) {
		result, err = restore.Restore(ctx, p.reader(src), members, now.Sub(taken), r.opts)
		switch {
		case errors.Is(err, etcdsnap.ErrNoDigest):
			return "", fmt.Errorf("%w: give --no-digest if it is such a copy", err)
		case errors.Is(err, fs.ErrExist) && !r.opts.MoveAside:
			return "", fmt.Errorf("%w (--move-aside)", err)
		case err != nil:
			return "", err
		}
		revision := fmt.Sprintf("revision %d raised to %d", result.SnapshotRevision, result.Revision)
		if r.opts.WatchesMissEvents {
			revision = fmt.Sprintf("at revision %d", result.Revision)
		}
		return fmt.Sprintf("%s in place, %s", mib(result.Snapshot.Size), revision), nil
	})
	if err != nil {
		return err
	}
	r.remarks(out, result)
	return nil
}

// members are the one to be made, and those of --initial-cluster that are made elsewhere.
func (r etcdRestore) members() ([]restore.Member, error) {
	r.member.PeerURLs = strings.Split(r.peerURL, ",")
	if r.initialCluster == "" {
		return []restore.Member{r.member}, nil
	}
	var list []restore.Member
	index, found := map[string]int{}, false
	for _, part := range strings.Split(r.initialCluster, ",") {
		name, url, ok := strings.Cut(part, "=")
		if !ok {
			return nil, usageError{fmt.Errorf("--initial-cluster: %q is not NAME=URL", part)}
		}
		if i, ok := index[name]; ok {
			list[i].PeerURLs = append(list[i].PeerURLs, url)
			continue
		}
		index[name] = len(list)
		m := restore.Member{Name: name, PeerURLs: []string{url}}
		if name == r.member.Name {
			m.DataDir, m.WALDir, found = r.member.DataDir, r.member.WALDir, true
		}
		list = append(list, m)
	}
	if !found {
		return nil, usageError{fmt.Errorf("--initial-cluster has no member %s", r.member.Name)}
	}
	return list, nil
}
