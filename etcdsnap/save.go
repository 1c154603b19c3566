package etcdsnap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// ErrStalled says that etcd kept the stream open and sent nothing. Servers up to 3.7 do so
// when reading their database fails (etcd-io/etcd#22125): try another member.
var ErrStalled = errors.New("etcd stopped sending")

// Source is what Save needs of etcd. A [*clientv3.Client] is one.
type Source interface {
	Endpoints() []string
	Status(ctx context.Context, endpoint string) (*clientv3.StatusResponse, error)
	SnapshotWithVersion(ctx context.Context) (*clientv3.SnapshotResponse, error)
}

// Options changes how Save works.
type Options struct {
	// Stall is for how long etcd may send no byte. Zero means 30 seconds.
	Stall time.Duration
}

// Saved is the result of a save.
type Saved struct {
	Info
	// Endpoint is where the snapshot came from.
	Endpoint string `json:"endpoint"`
	// MemberID and ClusterID are etcd's, in hexadecimal as etcdctl prints them.
	MemberID  string `json:"memberID"`
	ClusterID string `json:"clusterID"`
	// Version is the server's, such as "3.6.8".
	Version string `json:"version"`
	// StorageVersion is that of the data, such as "3.6.0": empty from servers before 3.6.
	StorageVersion string `json:"storageVersion,omitempty"`
	// MinRevision is the member's revision just before the save: the snapshot has
	// this one or a later one.
	MinRevision int64 `json:"minRevision"`
}

// Save writes a snapshot of src, which must have exactly one endpoint, to dst, and verifies it
// as it passes. What dst has received is a snapshot only if the error is nil.
//
// Save ends when ctx does. It does not time out while bytes keep coming: give ctx a
// deadline if there is one. A dst that blocks keeps a read transaction of etcd open.
//
// The error wraps [ErrStalled], [ErrCorrupt], ctx's cause, or is one of dst's or etcd's.
func Save(ctx context.Context, dst io.Writer, src Source, opts Options) (*Saved, error) {
	if opts.Stall == 0 {
		opts.Stall = 30 * time.Second
	}
	if n := len(src.Endpoints()); n != 1 {
		return nil, fmt.Errorf("save snapshot: the client has %d endpoints: give it the one to save from", n)
	}
	endpoint := src.Endpoints()[0]
	saved, err := save(ctx, dst, src, endpoint, opts.Stall)
	if err != nil {
		return nil, fmt.Errorf("save snapshot from %s: %w", endpoint, err)
	}
	return saved, nil
}

func save(ctx context.Context, dst io.Writer, src Source, endpoint string, stall time.Duration) (*Saved, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watchdog := newWatchdog(stall, cancel)
	defer watchdog.stop()

	watchdog.start()
	status, err := src.Status(ctx, endpoint)
	if err != nil {
		return nil, causeOr(ctx, err)
	}
	watchdog.start()
	stream, err := src.SnapshotWithVersion(ctx)
	if err != nil {
		return nil, causeOr(ctx, err)
	}
	defer stream.Snapshot.Close()

	check := newChecker()
	// The check comes first: bytes that are wrong need not be stored.
	if err := watchdog.copy(io.MultiWriter(check, dst), stream.Snapshot); err != nil {
		return nil, causeOr(ctx, err)
	}
	info, err := check.finish()
	if err != nil {
		return nil, err
	}
	return &Saved{
		Info:           info,
		Endpoint:       endpoint,
		MemberID:       fmt.Sprintf("%x", status.Header.GetMemberId()),
		ClusterID:      fmt.Sprintf("%x", status.Header.GetClusterId()),
		Version:        status.Version,
		StorageVersion: stream.Version,
		MinRevision:    status.Header.GetRevision(),
	}, nil
}

// causeOr prefers why ctx ended to the error in which its end shows.
func causeOr(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// watchdog cancels when a read takes too long. Writes are not its business.
type watchdog struct {
	after time.Duration
	timer *time.Timer
}

func newWatchdog(after time.Duration, cancel context.CancelCauseFunc) *watchdog {
	w := &watchdog{after: after}
	w.timer = time.AfterFunc(after, func() { cancel(fmt.Errorf("%w: not a byte for %v", ErrStalled, after)) })
	w.timer.Stop()
	return w
}

func (w *watchdog) start() { w.timer.Reset(w.after) }
func (w *watchdog) stop()  { w.timer.Stop() }

// copy is io.Copy with the watchdog awake while it reads. An empty read is no sign of
// life: the server bug behind [ErrStalled] sends empty messages without end.
func (w *watchdog) copy(dst io.Writer, src io.Reader) error {
	buf := make([]byte, 256<<10)
	w.start()
	for {
		n, rerr := src.Read(buf)
		if n > 0 {
			w.stop()
			if _, err := dst.Write(buf[:n]); err != nil {
				return err
			}
			w.start()
		}
		if rerr == io.EOF {
			return nil
		}
		if rerr != nil {
			return rerr
		}
	}
}
