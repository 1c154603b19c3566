package etcdsnap

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/clustersnap/clustersnap/etcdsnap/internal/bolt"
	"github.com/clustersnap/clustersnap/etcdsnap/internal/wal"
)

// errNotPinned says that pages which were copied from a file may not be those of the transaction.
var errNotPinned = errors.New("pages of the member's file can't be proved to be those of the stream")

const (
	// inFlight is more than can be on its way from etcd's transaction to us: grpc lets at most 16 MiB go ahead of what
	// has been read (its bdpLimit), and the server holds a few messages. A client that was
	// configured with larger windows is not for reading locally.
	inFlight = 24 << 20
	// minPinned is the size from which a copy is worth the trouble: of less, much is in flight anyway.
	minPinned = 2 * inFlight
)

// local is the data directory of a member on this machine. A nil one is nobody's.
type local struct {
	db       string
	identity wal.Identity
	why      string // not
}

// newLocal reads whose directory it is.
func newLocal(opts Options) *local {
	if opts.DataDir == "" {
		return &local{}
	}
	dir := opts.WALDir
	if dir == "" {
		dir = filepath.Join(opts.DataDir, "member", "wal")
	}
	l := &local{db: filepath.Join(opts.DataDir, "member", "snap", "db")}
	var err error
	if l.identity, err = wal.ReadIdentity(dir); err != nil {
		l.why = err.Error()
	}
	return l
}

// not gives a local one that is not to be read any more.
func (l *local) not(err error) *local { return &local{why: err.Error()} }

// is reports whether the directory says that it is the member's.
func (l *local) is(m *Member) bool {
	return l.db != "" && l.why == "" && m.ID == fmt.Sprintf("%x", l.identity.Member) && m.ClusterID == fmt.Sprintf("%x", l.identity.Cluster)
}

// pinned is the file of a member whose transaction is held open by a stream.
type pinned struct {
	file   *os.File
	path   string
	meta   bolt.Meta
	at     int64           // what the stream has given so far
	differ map[uint64]bool // pages that the stream has otherwise
}

// pin gives the pages of m's transaction: from its file if that is surely the one, and then without a digest at the
// end, or else as they stream. No more than most bytes are read from a file.
func (l *local) pin(m *Member, stream *messages, most uint64) (io.Reader, *pinned, error) {
	if l.db == "" {
		return stream, nil, nil
	}
	if l.why == "" && !l.is(m) {
		l.why = fmt.Sprintf("%s is the directory of member %x in cluster %x", l.db, l.identity.Member, l.identity.Cluster)
	}
	if l.why == "" && stream.total < minPinned {
		l.why = fmt.Sprintf("%d MiB are soon streamed", stream.total>>20)
	}
	if l.why == "" && stream.total > most {
		l.why = fmt.Sprintf("%d MiB are too much for the tree to be checked on its way", stream.total>>20)
	}
	if l.why != "" {
		return stream, nil, nil
	}
	// The file first: its meta pages soon go on to later transactions.
	p, metas, err := openPinned(l.db)
	head := make([]byte, bolt.HeadSize)
	if _, serr := io.ReadFull(stream, head); serr != nil {
		p.close()
		return nil, nil, serr
	}
	whole := io.MultiReader(bytes.NewReader(head), stream)
	if err == nil {
		err = p.matches(metas, head, int64(stream.total))
	}
	if err != nil {
		l.why = err.Error()
		p.close()
		return whole, nil, nil
	}
	rest := io.NewSectionReader(p.file, p.at, p.meta.Size()-p.at)
	return io.MultiReader(bytes.NewReader(head), watched{rest, stream.watchdog}), p, nil
}

// watched is a file that may hang, as those of a network do: the stream ends then, though the read may not.
type watched struct {
	r io.Reader
	w *watchdog
}

func (w watched) Read(p []byte) (int, error) {
	w.w.start()
	defer w.w.stop()
	n, err := w.r.Read(p)
	if err != nil && err != io.EOF {
		err = fmt.Errorf("%w: %w", errNotPinned, err)
	}
	return n, err
}

// openPinned opens the database of a member that runs: it holds bbolt's lock.
func openPinned(path string) (*pinned, bolt.Metas, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, bolt.Metas{}, err
	}
	p := &pinned{file: f, path: path, differ: map[uint64]bool{}}
	free, err := lockShared(f)
	if err == nil && free {
		err = fmt.Errorf("no etcd has %s open", path)
	}
	var metas bolt.Metas
	if err == nil {
		head := make([]byte, bolt.HeadSize)
		if _, err = f.ReadAt(head, 0); err == nil {
			metas, err = bolt.ParseMetas(head)
		}
	}
	if err != nil {
		return nil, metas, errors.Join(err, f.Close())
	}
	return p, metas, nil
}

func (p *pinned) close() {
	if p != nil {
		p.file.Close()
	}
}

// matches holds the beginning of the stream against the file: the transaction is one that was written to this very file,
// and not to a copy of it, if its meta page stands there with the same root and the same number.
func (p *pinned) matches(file bolt.Metas, head []byte, total int64) error {
	sent, err := bolt.ParseMetas(head)
	if err != nil {
		return err
	}
	if sent.Meta != file.Meta && sent.Meta != file.Older {
		return fmt.Errorf("%s has transactions %d and %d, and etcd sends %d", p.path, file.Txid, file.Older.Txid, sent.Txid)
	}
	if sent.Size() != total {
		return fmt.Errorf("etcd sends %d bytes of a database of %d", total, sent.Size())
	}
	p.meta, p.at = sent.Meta, int64(len(head))
	return nil
}

// prove shows that the transaction was open until now, so that no page of it has been written over: what
// etcd sends now, beyond all that could be on its way before, it reads now. And the file has not been replaced. What is sent
// is also held against the file.
func (p *pinned) prove(stream *messages) error {
	sent, read := make([]byte, p.meta.PageSize), make([]byte, p.meta.PageSize)
	for at := p.at; at < p.at+inFlight; at += int64(p.meta.PageSize) {
		if _, err := io.ReadFull(stream, sent); err != nil {
			return fmt.Errorf("%w: %w", errNotPinned, err)
		}
		if _, err := p.file.ReadAt(read, at); err != nil {
			return fmt.Errorf("%w: %w", errNotPinned, err)
		}
		if !bytes.Equal(sent, read) {
			p.differ[uint64(at)/uint64(p.meta.PageSize)] = true
		}
	}
	opened, err := p.file.Stat()
	if err != nil {
		return err
	}
	if now, err := os.Stat(p.path); err != nil || !os.SameFile(opened, now) {
		return fmt.Errorf("%w: %s has been replaced", errNotPinned, p.path)
	}
	return nil
}

// same checks that pages which the stream has otherwise are free ones: those may change at any time.
func (p *pinned) same(walked *bolt.Walker) error {
	if p == nil {
		return nil
	}
	for id := range p.differ {
		if walked == nil || walked.Reached(id) {
			return fmt.Errorf("%w: page %d is not the same", errNotPinned, id)
		}
	}
	return nil
}
