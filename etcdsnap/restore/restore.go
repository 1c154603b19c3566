package restore

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"
	"go.etcd.io/etcd/etcdutl/v3/snapshot"
	"go.etcd.io/etcd/server/v3/storage/mvcc"
	"go.etcd.io/etcd/server/v3/storage/schema"
	"go.uber.org/zap"

	"github.com/clustersnap/clustersnap/etcdsnap"
	"github.com/clustersnap/clustersnap/internal/durable"
)

const (
	// minBump and writesPerSecond make the new revision land above everything that any
	// client may have seen since the snapshot: few clusters write 20,000 times a second for long.
	minBump         = 1_000_000_000
	writesPerSecond = 20_000
	// maxAge keeps the bump far from the end of an int64.
	maxAge = 100 * 365 * 24 * time.Hour
)

// Member says which member of etcd the directory is for. All fields are required.
type Member struct {
	// Name is etcd's --name.
	Name string
	// PeerURL is etcd's --initial-advertise-peer-urls. It must be the one that other members
	// can reach: with etcdutl's default, http://localhost:2380, none can ever join
	// (kubernetes/kubeadm#2071).
	PeerURL string
	// DataDir is etcd's --data-dir. It must not exist, or be an empty directory or mount point, or a link to one.
	DataDir string
}

// Result says what was restored.
type Result struct {
	Snapshot etcdsnap.Info `json:"snapshot"`
	// SnapshotRevision is the last revision in the snapshot, and Revision the one that the
	// restored etcd starts at. All before Revision is compacted.
	SnapshotRevision int64 `json:"snapshotRevision"`
	Revision         int64 `json:"revision"`
	// ClusterToken is the new cluster's, for members that are restored beside this one.
	ClusterToken string `json:"clusterToken"`
}

// Restore makes the data directory of m from the snapshot src, which was taken age ago: the revision is
// raised by 1e9, and by another 20,000 for each second of it.
//
// It needs room for the snapshot twice, and 160 MiB. It works under a hidden name that ends in .partial: in the
// directory itself where that is there already, as a mount point is, and beside it otherwise. One rename makes
// the result appear. After an error there is nothing new; what a Restore that was killed has left goes with
// the next one for the same directory.
//
// The error wraps [etcdsnap.ErrCorrupt], [fs.ErrExist], ctx's cause, or is one of src's or of the
// file system's.
func Restore(ctx context.Context, src io.Reader, m Member, age time.Duration) (*Result, error) {
	result, err := restore(ctx, src, m, age)
	if err != nil {
		return nil, fmt.Errorf("restore etcd to %s: %w", m.DataDir, err)
	}
	return result, nil
}

func restore(ctx context.Context, src io.Reader, m Member, age time.Duration) (_ *Result, err error) {
	if m.Name == "" || m.PeerURL == "" || m.DataDir == "" {
		return nil, fmt.Errorf("name %q, peer URL %q and data directory are all needed", m.Name, m.PeerURL)
	}
	if age < 0 || age > maxAge {
		return nil, fmt.Errorf("the snapshot was taken %v ago: is the clock right?", age)
	}
	target, err := findTarget(m.DataDir)
	if err != nil {
		return nil, err
	}
	staging, err := durable.CreateDir(target.work)
	if err != nil {
		return nil, err
	}
	defer func() {
		// Once the directory is in place nothing of the snapshot is left here, and the next Restore sweeps.
		if derr := durable.Discard(staging); err != nil {
			err = errors.Join(err, derr)
		}
	}()
	if err := target.checkFree(staging.Name()); err != nil {
		return nil, err
	}

	file, made := filepath.Join(staging.Name(), "snapshot"), filepath.Join(staging.Name(), "data")
	info, err := fetch(ctx, file, src)
	if err != nil {
		return nil, err
	}
	result := &Result{Snapshot: info, ClusterToken: "restore-" + rand.Text()}
	bump := uint64(minBump + int64(age.Seconds()*writesPerSecond))
	if err := build(file, made, m, result.ClusterToken, bump, info.Size); err != nil {
		return nil, err
	}
	if result.Revision, err = lastRevision(filepath.Join(made, "member", "snap", "db")); err != nil {
		return nil, err
	}
	result.SnapshotRevision = max(1, result.Revision-int64(bump)) // an empty etcd is at 1
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	return result, target.place(made)
}

// fetch stores src in a file, and verifies it on the way.
func fetch(ctx context.Context, path string, src io.Reader) (etcdsnap.Info, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return etcdsnap.Info{}, err
	}
	info, err := etcdsnap.Verify(ctx, io.TeeReader(src, f), etcdsnap.VerifyOptions{})
	return info, errors.Join(err, f.Close())
}

// build has etcdutl make the data directory dir. The snapshot's digest has been checked: etcdutl
// would look at it only after it has copied everything.
func build(file, dir string, m Member, token string, bump uint64, size int64) error {
	if err := checkRoom(filepath.Dir(dir), size); err != nil {
		return err
	}
	err := guard(func(lg *zap.Logger) error {
		return snapshot.NewV3(lg).Restore(snapshot.RestoreConfig{
			SnapshotPath:        file,
			Name:                m.Name,
			OutputDataDir:       dir,
			PeerURLs:            []string{m.PeerURL},
			InitialCluster:      m.Name + "=" + m.PeerURL,
			InitialClusterToken: token,
			RevisionBump:        bump,
			MarkCompacted:       true,
		})
	})
	if err != nil {
		return fmt.Errorf("build data directory: %w", err)
	}
	return os.Remove(file)
}

// lastRevision reads the greatest revision of a database that etcd's own code has written.
func lastRevision(path string) (int64, error) {
	db, err := bbolt.Open(path, 0o400, &bbolt.Options{ReadOnly: true})
	if err != nil {
		return 0, err
	}
	defer db.Close()
	var last int64
	err = db.View(func(tx *bbolt.Tx) error {
		bucket := tx.Bucket(schema.Key.Name())
		if bucket == nil {
			return fmt.Errorf("%w: it has no bucket of keys", etcdsnap.ErrCorrupt)
		}
		k, _ := bucket.Cursor().Last()
		if len(k) < 17 {
			return fmt.Errorf("%w: its last revision has %d bytes", etcdsnap.ErrCorrupt, len(k))
		}
		last = mvcc.BytesToRev(k).Main
		return nil
	})
	return last, err
}
