package etcdsnap

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/clustersnap/clustersnap/etcdsnap/internal/bolt"
)

// ErrCorrupt says that the bytes are not, or no longer, those of an etcd database.
var ErrCorrupt = bolt.ErrCorrupt

// ErrNoDigest says that no SHA-256 stands at the end, as it does in what etcd sends: nobody can tell whether keys and
// values are still what they were. An error that wraps it wraps ErrCorrupt, too.
var ErrNoDigest = errors.New("no digest at the end")

// DefaultPrefix is kube-apiserver's --etcd-prefix unless it is set.
const DefaultPrefix = "/registry"

// Info says what was found out about the bytes of a snapshot.
type Info struct {
	// Size is in bytes, the trailing digest included.
	Size int64 `json:"size"`
	// PageSize is the database's, in bytes: that of the machine which made it.
	PageSize int `json:"pageSize"`
	// SHA256 is the digest of the database, which etcd appended: 64 lower-case hexadecimal digits. It is empty for
	// a copy of a database file, which has none.
	SHA256 string `json:"sha256,omitempty"`
	// Content is what its tree holds, or nil if the tree was not walked: see [Save].
	Content *Content `json:"content,omitempty"`
}

// VerifyOptions changes how Verify works.
type VerifyOptions struct {
	// NoDigest takes a copy of a database file, member/snap/db, which has no digest: the tree has to be sound, but
	// bytes of keys and values could have changed unseen.
	NoDigest bool
	// Prefix is kube-apiserver's --etcd-prefix, below which resources are counted. Empty means DefaultPrefix.
	Prefix string
}

// Verify reads a snapshot to its end in one pass, and checks all of it: the length, the digest at its end, the meta pages, and the
// tree from the root bucket down to each record, which must be in order and decodable. It needs about a
// hundredth of the snapshot's size in memory, for Kubernetes objects; a quarter, beyond 64 MiB, is the most that it takes, and an
// error else. To keep what is read, give an [io.TeeReader]. It
// ends when ctx does, between two reads.
//
// The error wraps [ErrCorrupt], and [io.ErrUnexpectedEOF] too if bytes are missing, or is ctx's cause
// or one of src's.
func Verify(ctx context.Context, src io.Reader, opts VerifyOptions) (Info, error) {
	v := newVerifier(opts.Prefix, 0)
	err := flow(contextReader{ctx, src}, v.sinks()...)
	var info Info
	if err == nil {
		info, _, err = v.finish(opts.NoDigest)
	}
	if err == nil && info.Content == nil {
		err = errTooMuch
	}
	if err != nil {
		return Info{}, fmt.Errorf("verify snapshot: %w", err)
	}
	return info, nil
}

// errTooMuch is for what nobody's etcd looks like.
var errTooMuch = errors.New("too much of it would have to be kept to walk its tree on its way: open it as a file, and walk it with Snapshot.Content")

// contextReader ends with its context.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if err := context.Cause(c.ctx); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

// verifier takes the bytes of a snapshot as they come by.
type verifier struct {
	*trailer
	*collector
}

func newVerifier(prefix string, limit int) verifier {
	if prefix == "" {
		prefix = DefaultPrefix
	}
	return verifier{newTrailer(), newCollector(prefix, limit)}
}

// sinks are two, to work at the same time.
func (v verifier) sinks() []io.Writer { return []io.Writer{v.collector, v.trailer} }

// finish checks what can be checked only now. Where the walk went is nil if there was none.
func (v verifier) finish(noDigest bool) (info Info, walked *bolt.Walker, err error) {
	if err := v.Finish(); err != nil {
		return Info{}, nil, err
	}
	info = Info{Size: v.trailer.size, PageSize: v.PageSize}
	info.SHA256, err = v.digest(v.Metas.Size(), v.PageSize)
	switch {
	case errors.Is(err, ErrNoDigest) && noDigest:
	case err != nil:
		return Info{}, nil, err
	case !v.Both:
		// The server writes both anew when it sends them (bbolt's Tx.WriteTo).
		return Info{}, nil, fmt.Errorf("%w: its two meta pages do not agree", ErrCorrupt)
	}
	info.Content, walked, err = v.check()
	return info, walked, err
}
