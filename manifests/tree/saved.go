package tree

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"path"
	"strings"

	"filippo.io/age"

	"github.com/clustersnap/clustersnap/manifests"
)

// Saved is a tree that is read.
type Saved struct {
	report     manifests.Report
	fsys       fs.FS
	staged     map[string]string // where directories and own files still lie that an interrupted commit has to move
	identities []age.Identity
	index      *index
	state      *state   // nil if it is not known
	spool      *spooled // where the objects are, if they are not in files
}

// Read opens a tree for reading: a directory as [os.DirFS] or os.Root.FS give it, or any file system that has its files,
// as one of a git revision. The identities are for encrypted Secrets. After an interrupted commit it reads the state
// that was decided.
//
// It reads the index, and files only as they are asked for. Errors wrap [ErrCorrupt], [ErrNewer], or [fs.ErrNotExist] if
// there is no index.
func Read(fsys fs.FS, identities ...age.Identity) (*Saved, error) {
	s := &Saved{fsys: fsys, identities: identities, staged: map[string]string{}}
	j, err := openJournal(fsys)
	if err != nil {
		return nil, fmt.Errorf("read tree: %w", err)
	}
	if j != nil {
		s.staged[indexName], s.staged[stateName] = stagedIndex, stagedState
		for _, m := range j.moves {
			s.staged[m.Path] = stageDir + "/" + m.Stage
		}
	}
	ix, st, _, err := load(s.open)
	if err != nil {
		return nil, fmt.Errorf("read tree: %w", err)
	}
	s.report.Outcomes = ix.outcomes
	if st != nil {
		s.report = st.report
	}
	s.report.Selection, s.report.Objects = ix.selection, len(ix.records)
	s.index, s.state = ix, st
	return s, nil
}

// open opens a file where it is now. A commit that goes on may move it in between, but only once.
func (s *Saved) open(name string) (fs.File, error) {
	at, ok := s.staged[name]
	if dir := s.staged[path.Dir(name)]; dir != "" {
		at, ok = dir+"/"+path.Base(name), true
	}
	if ok {
		if f, err := openRegular(s.fsys, at); !errors.Is(err, fs.ErrNotExist) {
			return f, err
		}
	}
	return openRegular(s.fsys, name)
}

// openRegular leaves pipes and devices alone: to open one can block.
func openRegular(fsys fs.FS, name string) (fs.File, error) {
	info, err := fs.Stat(fsys, name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: %s is no regular file", ErrCorrupt, name)
	}
	return fsys.Open(name)
}

// load reads the index, and the state if there is one that belongs to it: at the same time, since large ones take longer than
// all else that a comparison with a cluster at rest does here.
func load(open func(string) (fs.File, error)) (ix *index, st *state, digest [32]byte, err error) {
	var stateErr error
	done := make(chan struct{})
	go func() {
		defer close(done)
		stateErr = with(open, stateName, func(r io.Reader) (err error) {
			st, err = readState(r)
			return err
		})
	}()
	hash := sha256.New()
	err = with(open, indexName, func(r io.Reader) error {
		ix, err = readIndex(io.TeeReader(r, hash))
		return err
	})
	<-done
	if err != nil {
		return nil, nil, digest, err
	}
	digest = [32]byte(hash.Sum(nil))
	if errors.Is(stateErr, fs.ErrNotExist) {
		return ix, nil, digest, nil
	}
	if stateErr != nil {
		return nil, nil, digest, fmt.Errorf("%w: the tree can do without this file: remove it", stateErr)
	}
	if !st.apply(ix, digest) {
		st = nil
	}
	return ix, st, digest, nil
}

func with(open func(string) (fs.File, error), name string, read func(io.Reader) error) error {
	f, err := open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := read(f); err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	return nil
}

// Seen is what the last dump saw, as far as it is known: a tree from git has no Instant, and its outcomes have no counts
// and no reasons. Objects is how many the tree names.
func (s *Saved) Seen() *manifests.Report { return &s.report }

// Secrets is how the last dump treated Secrets.
func (s *Saved) Secrets() Secrets { return s.index.secrets }

// Entries gives all objects, sorted by key. What a tree can't know is empty: the UID and the resource version in a tree
// from git, and the Hash of Secrets that are encrypted or excluded. That of a redacted Secret is of what [MACKey.Redact]
// gives.
func (s *Saved) Entries(ctx context.Context) iter.Seq2[manifests.Entry, error] {
	return func(yield func(manifests.Entry, error) bool) {
		for _, r := range s.index.records {
			if err := ctx.Err(); err != nil {
				yield(manifests.Entry{}, err)
				return
			}
			if !yield(r.entry(), nil) {
				return
			}
		}
	}
}

// AsOf gives the resource version that an object was listed at, if that is not the one that Seen has: its kind could not
// be listed since. It is "unknown" if the tree has been through git meanwhile.
func (s *Saved) AsOf(e manifests.Entry) string {
	if r := s.index.find(e.Key); r != nil {
		return r.asOf
	}
	return ""
}

// Object reads the YAML of an object, and checks that it is what was written. It may be called by several at once. A
// Secret is decrypted if one of the identities can do that.
//
// Errors wrap [ErrNotKept] and [ErrSealed] for a Secret that can't be had, [ErrCorrupt] for a file that was edited or
// damaged, and [fs.ErrNotExist] for a missing file and for an object that the tree does not have.
func (s *Saved) Object(ctx context.Context, e manifests.Entry) ([]byte, error) {
	b, err := s.object(ctx, e.Key)
	if err != nil {
		return nil, fmt.Errorf("read %v from tree: %w", e.Key, err)
	}
	return b, nil
}

func (s *Saved) object(ctx context.Context, k manifests.Key) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	r := s.index.find(k)
	if r == nil {
		return nil, fs.ErrNotExist
	}
	if r.form == excluded {
		return nil, ErrNotKept
	}
	stored, err := s.stored(r)
	if err != nil || r.form != encrypted {
		return stored, err
	}
	if len(s.identities) == 0 {
		return nil, ErrSealed
	}
	text, err := unseal(stored, s.identities)
	if none := (*age.NoIdentityMatchError)(nil); errors.As(err, &none) {
		return nil, fmt.Errorf("%w: %w", ErrSealed, err)
	}
	return text, err
}

// content opens what is kept of an object.
func (s *Saved) content(r *record) (io.ReadCloser, error) {
	if s.spool != nil {
		return s.spool.open(r)
	}
	return s.open(r.path())
}

// stored reads a file as it is on disk.
func (s *Saved) stored(r *record) ([]byte, error) {
	f, err := s.content(r)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b := bytes.NewBuffer(make([]byte, 0, r.size+1))
	if _, err := io.Copy(b, io.LimitReader(f, r.size+1)); err != nil {
		return nil, err
	}
	if int64(b.Len()) != r.size || sha256.Sum256(b.Bytes()) != r.sum {
		return nil, fmt.Errorf("%w: %s is not what the index says: it was edited or damaged, or another dump has come meanwhile",
			ErrCorrupt, r.path())
	}
	return b.Bytes(), nil
}

// String says what a tree is in one line, as for a commit message.
func (s *Saved) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d objects of %d resources", len(s.index.records), len(s.report.Outcomes))
	if s.report.ResourceVersion != "" {
		fmt.Fprintf(&b, " at resource version %s", s.report.ResourceVersion)
	}
	return b.String()
}
