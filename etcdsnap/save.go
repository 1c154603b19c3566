package etcdsnap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"google.golang.org/grpc"

	"github.com/clustersnap/clustersnap/etcdsnap/internal/bolt"
	"github.com/clustersnap/clustersnap/internal/durable"
)

// ErrBehind says that a snapshot does not reach the revision that the cluster had before it was taken.
var ErrBehind = errors.New("the snapshot is older than the cluster")

// Source is what saving needs of etcd. A [*clientv3.Client] is one, for as many members as it has endpoints.
type Source interface {
	Endpoints() []string
	// Dial connects to one of them, with the client's credentials.
	Dial(endpoint string) (*grpc.ClientConn, error)
}

// Options changes how saving works.
type Options struct {
	// Stall is for how long etcd may send no byte. Zero means 30 seconds.
	Stall time.Duration
	// MinRate is how many bytes a second the destination must take at least. It may rest for as long as Stall, all in
	// all, and earns that back with what it takes above the rate. Zero means 1 MiB. Etcd keeps all that is deleted
	// meanwhile.
	MinRate int64
	// Prefix is kube-apiserver's --etcd-prefix, below which resources are counted. Empty means DefaultPrefix.
	Prefix string
	// DataDir is the data directory of a member that runs on this machine and is one of the source's. Its pages are then
	// read from its file, in a quarter of the time and at almost no cost to etcd, if it is certain that they are those
	// of the stream; the result says why where it was not. Connections must lead to the member itself, not through a gRPC
	// proxy, and have windows of at most 20 MiB, as they have by default: what is on its way must be known.
	DataDir string
	// Progress, if not nil, is told how many bytes the destination has received. They start at 0 again when another
	// member is taken.
	Progress func(written int64)
	// WALDir is that member's --wal-dir. Empty means that it is in DataDir.
	WALDir string
}

func (o Options) withDefaults() Options {
	if o.Stall == 0 {
		o.Stall = 30 * time.Second
	}
	if o.MinRate == 0 {
		o.MinRate = 1 << 20
	}
	return o
}

// Saved is the result of a save.
type Saved struct {
	Info
	// Member is where the snapshot came from.
	Member Member `json:"member"`
	// Others are the other members that were asked, each with why it was refused, if it was.
	Others []Member `json:"others,omitempty"`
	// StorageVersion is that of the data, such as "3.6.0": empty from servers before 3.6.
	StorageVersion string `json:"storageVersion,omitempty"`
	// MinRevision is the cluster's revision just before the save, by a linearizable read: the snapshot has this one or
	// a later one.
	MinRevision int64 `json:"minRevision"`
	// Local reports whether pages were read from the member's file, and NotLocal why that was not done though
	// a data directory was given.
	Local    bool   `json:"local,omitempty"`
	NotLocal string `json:"notLocal,omitempty"`
	// NotWalked says why the tree was not checked, if Content is nil.
	NotWalked string `json:"notWalked,omitempty"`
}

// Save writes a snapshot from one of the members of src to dst, and verifies it as it passes: the digest, the length, the
// tree and each record, as [Verify] does, and that it reaches the revision that a linearizable read gave
// before. What dst has received is a snapshot only if the error is nil.
//
// All endpoints are asked first. Refused are members that can't be reached, learners, those without a leader or with the
// alarm CORRUPT, those far behind, and all while a downgrade is under way; NOSPACE is reported, and stops nothing. Followers
// come before the leader. If one fails before dst has received a byte, the next one is tried. [SaveFile]
// begins anew at any time.
//
// The tree is checked with what is kept of it, at most 20 MiB, so that memory stays bounded. What counts live keys
// is given up first (Keyspace is nil), at some 400,000 records, and then all of it: for objects of Kubernetes' usual size at
// more than 2 GiB, and earlier if many small commits have left their traces in free pages. Then Content is nil and NotWalked
// says so: the digest and the length alone speak for the snapshot, and it is not checked that it reaches the revision.
//
// Save ends when ctx does. It does not time out while bytes keep coming: give ctx a deadline if there is one. The
// stream ends at once, with the read transaction that etcd keeps open for it, when ctx does, when etcd
// stalls, and when dst takes bytes too slowly. Save itself returns once a write to dst that is under way has.
//
// The error wraps [ErrNoMember], [ErrDenied], [ErrStalled], [ErrSlow], [ErrCorrupt], [ErrBehind], ctx's cause, or is one
// of dst's or etcd's.
func Save(ctx context.Context, dst io.Writer, src Source, opts Options) (*Saved, error) {
	saved, err := save(ctx, &onePass{w: dst}, src, opts)
	if err != nil {
		return nil, fmt.Errorf("save snapshot: %w", err)
	}
	return saved, nil
}

// SaveFile saves to the file path, which must not exist. It appears durable and whole, in mode 0600, or not at all; what
// a SaveFile that was killed has left beside it goes with the next one. When a member fails in the middle
// the next one is taken. It is like [Save] else, but has the content of any size, and live keys up to some 600,000.
func SaveFile(ctx context.Context, path string, src Source, opts Options) (*Saved, error) {
	saved, err := saveFile(ctx, path, src, opts)
	if err != nil {
		return nil, fmt.Errorf("save snapshot to %s: %w", path, err)
	}
	return saved, nil
}

func saveFile(ctx context.Context, path string, src Source, opts Options) (*Saved, error) {
	f, err := durable.Create(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	saved, err := save(ctx, f, src, opts)
	if err != nil {
		return nil, err
	}
	return saved, f.Commit()
}

// destination can begin anew for the next member, or says why it can't.
type destination interface {
	io.Writer
	Restart() error
}

// onePass begins anew only while it has received nothing.
type onePass struct {
	w     io.Writer
	begun bool
}

func (o *onePass) Write(p []byte) (int, error) {
	o.begun = true
	return o.w.Write(p)
}

func (o *onePass) Restart() error {
	if o.begun {
		return errors.New("no other member was tried, since the destination had already received bytes")
	}
	return nil
}

// save takes the members in turn.
func save(ctx context.Context, dst destination, src Source, opts Options) (*Saved, error) {
	if opts.Stall < 0 || opts.MinRate < 0 {
		return nil, fmt.Errorf("a stall of %v and a rate of %d bytes can't be less than nothing", opts.Stall, opts.MinRate)
	}
	opts = opts.withDefaults()
	members := ask(ctx, src)
	defer func() {
		for _, m := range members {
			m.close()
		}
	}()
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	mine := newLocal(opts)
	var errs []error
	for _, m := range candidates(members, mine.is) {
		saved, err := saveFrom(ctx, m, dst, mine, opts)
		if errors.Is(err, errNotPinned) && dst.Restart() == nil {
			saved, err = saveFrom(ctx, m, dst, mine.not(err), opts)
		}
		if err == nil {
			saved.Member = *m
			for _, o := range members {
				if o != m {
					saved.Others = append(saved.Others, *o)
				}
			}
			return saved, nil
		}
		if isDenied(err) {
			return nil, fmt.Errorf("%w: %s", ErrDenied, because(err))
		}
		if final := (finalError{}); errors.As(err, &final) {
			return nil, final.error
		}
		if errors.Is(err, ErrSlow) || context.Cause(ctx) != nil {
			return nil, err
		}
		m.Refused = because(err)
		errs = append(errs, err)
		if rerr := dst.Restart(); rerr != nil {
			return nil, fmt.Errorf("%s: %w (%w)", m.Endpoint, err, rerr)
		}
	}
	return nil, &refusals{members, errs}
}

// refusals is the error of a save that no member served.
type refusals struct {
	members []*Member
	errs    []error
}

func (r *refusals) Error() string {
	if len(r.members) == 0 {
		return ErrNoMember.Error() + ": the client has no endpoint"
	}
	said := make([]string, len(r.members))
	for i, m := range r.members {
		said[i] = m.Endpoint + ": " + m.Refused
	}
	return ErrNoMember.Error() + ": " + strings.Join(said, "; ")
}

func (r *refusals) Unwrap() []error { return append([]error{ErrNoMember}, r.errs...) }

const (
	// saveLimit is how much of the tree is kept while it streams by, in bytes.
	saveLimit = 20 << 20
	// onePassSize is up to which size of a database that is surely enough, as objects of Kubernetes are.
	onePassSize = 1 << 30
)

// saveFrom saves from one member.
func saveFrom(ctx context.Context, m *Member, dst destination, mine *local, opts Options) (*Saved, error) {
	saved := &Saved{}
	var err error
	if saved.MinRevision, err = m.readRevision(ctx); err != nil {
		return nil, err
	}
	v := newVerifier(opts.Prefix, saveLimit)
	var pinned *pinned
	if saved.StorageVersion, pinned, err = transfer(ctx, m, dst, v, mine, opts); err != nil {
		return nil, err
	}
	var walked *bolt.Walker
	saved.Info, walked, err = v.finish(false)
	if file, ok := dst.(io.ReaderAt); ok && err == nil && (saved.Content == nil || saved.Content.Keyspace == nil) {
		saved.Content, walked, err = walkFile(ctx, file, saved.Size, opts.Prefix, saveLimit/(briefSize+slotSize))
	}
	if err == nil {
		err = pinned.same(walked)
	}
	if err != nil && pinned != nil && context.Cause(ctx) == nil {
		err = fmt.Errorf("%w: %w", errNotPinned, err) // the file's, and no word against the member
	}
	if err != nil {
		return nil, err
	}
	if saved.Content != nil && saved.Content.Revision < saved.MinRevision {
		return nil, fmt.Errorf("%w: it has revision %d, and the cluster had %d before", ErrBehind, saved.Content.Revision, saved.MinRevision)
	}
	if saved.Content == nil {
		saved.NotWalked = fmt.Sprintf("more than %d MiB would have had to be kept of it: verify it where it is", saveLimit>>20)
	}
	saved.Local, saved.NotLocal = pinned != nil, mine.why
	return saved, nil
}

// transfer lets a snapshot of m pass through v to dst. The stream is over when it returns, and with it what etcd keeps for it.
func transfer(ctx context.Context, m *Member, dst io.Writer, v verifier, mine *local, opts Options) (version string, pinned *pinned, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer func() {
		if err != nil {
			err = causeOr(ctx, err)
		}
	}()
	watchdog := newWatchdog(opts.Stall, cancel)
	defer watchdog.stop()
	stream, err := openStream(ctx, m.conn, watchdog)
	if err != nil {
		return "", nil, err
	}
	most := uint64(onePassSize)
	if _, ok := dst.(io.ReaderAt); ok { // it can be checked afterwards
		most = math.MaxUint64
	}
	pages, pinned, err := mine.pin(m, stream, most)
	if err != nil {
		return "", nil, err
	}
	defer pinned.close()
	out := newPaced(&receiver{w: dst, progress: opts.Progress}, opts.MinRate, opts.Stall, cancel)
	if err = flow(contextReader{ctx, pages}, ending(cancel, append(v.sinks(), out)...)...); err != nil || pinned == nil {
		return stream.version, nil, err
	}
	if err := pinned.prove(stream); err != nil {
		return "", nil, err
	}
	_, err = out.Write(v.seal())
	return stream.version, pinned, err
}

// ending has the stream end as soon as one of the sinks fails.
func ending(cancel context.CancelCauseFunc, sinks ...io.Writer) []io.Writer {
	for i, w := range sinks {
		sinks[i] = endingWriter{w, cancel}
	}
	return sinks
}

type endingWriter struct {
	io.Writer
	cancel context.CancelCauseFunc
}

func (e endingWriter) Write(p []byte) (int, error) {
	n, err := e.Writer.Write(p)
	if err != nil {
		e.cancel(err)
	}
	return n, err
}

// finalError is one that no other member would mend.
type finalError struct{ error }

func (e finalError) Unwrap() error { return e.error }

// receiver marks a destination's errors as final, and says how much it has.
type receiver struct {
	w        io.Writer
	written  int64
	progress func(int64)
}

func (r *receiver) Write(p []byte) (int, error) {
	n, err := r.w.Write(p)
	if err != nil {
		return n, finalError{err}
	}
	r.written += int64(n)
	if r.progress != nil {
		r.progress(r.written)
	}
	return n, nil
}
