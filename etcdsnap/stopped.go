package etcdsnap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"

	"github.com/clustersnap/clustersnap/etcdsnap/internal/bolt"
	"github.com/clustersnap/clustersnap/etcdsnap/internal/wal"
)

// ErrInUse says that a process has the database open: an etcd that runs.
var ErrInUse = errors.New("etcd is running on this data directory")

// StoppedOptions changes how SaveStopped works.
type StoppedOptions struct {
	// WALDir is the member's --wal-dir. Empty means that it is in the data directory.
	WALDir string
	// Prefix is kube-apiserver's --etcd-prefix, below which resources are counted. Empty means DefaultPrefix.
	Prefix string
}

// Stopped is the result of a save from a data directory.
type Stopped struct {
	Info
	// MemberID and ClusterID are etcd's, in hexadecimal as etcdctl prints them.
	MemberID  string `json:"memberID"`
	ClusterID string `json:"clusterID"`
	// LogIndex is the last raft entry in the write-ahead log, Committed the last one that the member knew as
	// committed, and Behind how many of the log the snapshot lacks: etcd puts what it applies into its database in
	// batches, and would apply the rest of the log when it starts.
	LogIndex  uint64 `json:"logIndex"`
	Committed uint64 `json:"committed"`
	Behind    uint64 `json:"behind"`
}

// SaveStopped writes a snapshot of a member that does not run to dst, from the database in its data directory:
// for clusters that have lost their quorum, or a disk that was taken out. It is like one that etcd would have sent, with a digest
// at its end, and is verified in the same way. It does not hold what is in the write-ahead log alone: the
// result says how much that is.
//
// It holds bbolt's lock for readers meanwhile, so that no etcd starts there. The directory is not changed. On
// Windows the error wraps [errors.ErrUnsupported].
//
// The error wraps [ErrInUse], [ErrCorrupt], ctx's cause, or is one of dst's or of the file system's.
func SaveStopped(ctx context.Context, dst io.Writer, dataDir string, opts StoppedOptions) (*Stopped, error) {
	stopped, err := saveStopped(ctx, dst, dataDir, opts)
	if err != nil {
		return nil, fmt.Errorf("save snapshot of the stopped member in %s: %w", dataDir, err)
	}
	return stopped, nil
}

func saveStopped(ctx context.Context, dst io.Writer, dataDir string, opts StoppedOptions) (*Stopped, error) {
	f, log, err := openStopped(dataDir, opts)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	s := &Stopped{
		MemberID:  fmt.Sprintf("%x", log.Member),
		ClusterID: fmt.Sprintf("%x", log.Cluster),
		LogIndex:  log.LastIndex,
		Committed: log.Commit,
	}
	if s.Info, err = copyDatabase(ctx, dst, f, opts.Prefix); err != nil {
		return nil, err
	}
	s.Behind = s.LogIndex - min(s.LogIndex, s.Content.ConsistentIndex)
	return s, nil
}

// openStopped opens a database and holds it until it is closed, and reads the log.
func openStopped(dataDir string, opts StoppedOptions) (_ *os.File, _ wal.Tail, err error) {
	f, err := os.Open(filepath.Join(dataDir, "member", "snap", "db"))
	if err != nil {
		return nil, wal.Tail{}, err
	}
	defer func() {
		if err != nil {
			f.Close()
		}
	}()
	free, err := lockShared(f)
	if err != nil {
		return nil, wal.Tail{}, fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	if !free {
		return nil, wal.Tail{}, fmt.Errorf("%w: stop it, or save from it while it runs", ErrInUse)
	}
	if opts.WALDir == "" {
		opts.WALDir = filepath.Join(dataDir, "member", "wal")
	}
	log, err := wal.ReadTail(opts.WALDir)
	return f, log, err
}

// copyDatabase makes a snapshot of a database file.
func copyDatabase(ctx context.Context, dst io.Writer, f *os.File, prefix string) (Info, error) {
	stat, err := f.Stat()
	if err != nil {
		return Info{}, err
	}
	file, err := bolt.OpenFile(f, stat.Size())
	if err != nil {
		return Info{}, err
	}
	v := newVerifier(prefix, 0)
	if err := flow(contextReader{ctx, file.Snapshot()}, append(v.sinks(), dst)...); err != nil {
		return Info{}, err
	}
	if _, err := dst.Write(v.seal()); err != nil {
		return Info{}, err
	}
	info, _, err := v.finish(false)
	if err == nil && info.Content == nil {
		err = errTooMuch
	}
	return info, err
}

// LastRevision says which revision nobody can have seen more than of the member in a data directory that does not
// run: that of its database, and one more for each entry of the log that is not in it yet.
//
// Nothing is checked but what is read, which is little. The error wraps [ErrInUse], [ErrCorrupt], or is one of the file system's.
func LastRevision(dataDir string, opts StoppedOptions) (int64, error) {
	revision, err := lastRevision(dataDir, opts)
	if err != nil {
		return 0, fmt.Errorf("read last revision of the stopped member in %s: %w", dataDir, err)
	}
	return revision, nil
}

func lastRevision(dataDir string, opts StoppedOptions) (int64, error) {
	f, log, err := openStopped(dataDir, opts)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	stat, err := f.Stat()
	if err != nil {
		return 0, err
	}
	s, err := Open(f, stat.Size())
	if err != nil {
		return 0, err
	}
	behind := log.LastIndex - min(log.LastIndex, s.index)
	if behind > uint64(math.MaxInt64-s.revision) {
		return 0, fmt.Errorf("%w: the log has %d entries after revision %d", ErrCorrupt, behind, s.revision)
	}
	return s.revision + int64(behind), nil
}
