package tree

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"filippo.io/age"

	"github.com/clustersnap/clustersnap/manifests"
)

// Options changes how a tree is written.
type Options struct {
	// Secrets says what becomes of Secrets. The zero value leaves their content out.
	Secrets Secrets
	// Recipients are those who can read Secrets that are encrypted. To name others encrypts all anew that are
	// listed, if the recipients have a String method, as age's own have.
	Recipients []age.Recipient
	// Key is for the digests of Secrets, where they are redacted or encrypted.
	Key MACKey
	// Step, if not nil, is called before each step that changes something on disk, with what it does.
	Step func(what string)
}

// Tree is a tree that is open for writing. It takes one dump after the other, each by Begin, any number of Object, and
// Commit. After a commit the next Begin looks at the files again, since somebody may have edited them meanwhile. It is for
// one goroutine at a time.
type Tree struct {
	root    *os.Root
	opts    Options
	readers string // the recipients' names
	lock    *os.File
	now     *index // as on disk, without records
	known   bool   // there is an index on disk
	digest  [32]byte
	at      manifests.Instant // that the tree shows; zero if that is not known
	held    *holdings         // nil after a commit, until the next Begin
	strays  []string
	dump    *dump // since Begin
	broken  error // a decided commit that was not finished: the next Open does it
}

// Open opens the tree in a directory for writing, or begins one. A commit that was interrupted is finished, or what it
// left is removed. Files outside of cluster/ and namespaces/ are never touched.
//
// It fails with [ErrLocked] while another process has the tree open, with [ErrCorrupt] and [ErrNewer] if it can't be
// read, and with [ErrNarrower] if the options keep less of Secrets than it holds. The caller closes the tree, and the
// root after it.
func Open(root *os.Root, opts Options) (*Tree, error) {
	t := &Tree{root: root, opts: opts, now: &index{}, readers: opts.readers()}
	if t.opts.Step == nil {
		t.opts.Step = func(string) {}
	}
	if err := t.open(); err != nil {
		return nil, errors.Join(fmt.Errorf("open tree %s: %w", root.Name(), err), t.Close())
	}
	return t, nil
}

func (t *Tree) open() error {
	if err := t.opts.check(); err != nil {
		return err
	}
	if err := t.root.Mkdir(metaDir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	var err error
	if t.lock, err = t.root.OpenFile(lockName, os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return err
	}
	if err := lock(t.lock); err != nil {
		return err
	}
	if err := writeMissing(t.root, ignoreName, "*\n"); err != nil {
		return err
	}
	if err := t.recover(); err != nil {
		return err
	}
	return t.look()
}

// look finds out what the tree holds.
func (t *Tree) look() error {
	t.held, t.strays = newHoldings(), nil
	err := t.load()
	if err == nil {
		err = t.survey()
	}
	if err != nil {
		t.held = nil
	}
	return err
}

// recover finishes a commit that was decided, and drops one that was not.
func (t *Tree) recover() error {
	j, err := openJournal(t.root.FS())
	if err != nil {
		return err
	}
	if j != nil {
		if err := finish(t.root, j, t.opts.Step); err != nil {
			return fmt.Errorf("finish an interrupted commit: %w", err)
		}
	}
	return t.clear()
}

// clear removes the stage with all that is in it.
func (t *Tree) clear() error {
	if there, err := exists(t.root, stageDir); !there {
		return err
	}
	t.opts.Step("remove stage")
	return t.root.RemoveAll(stageDir)
}

func (t *Tree) load() (err error) {
	t.now, t.known, t.at = &index{}, false, manifests.Instant{}
	if t.digest, err = regularDigest(t.root, indexName); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	in, err := openFormer(t.root, t.digest)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.close()) }()
	if secrets := in.index.secrets; t.opts.Secrets.weight() < secrets.weight() {
		return fmt.Errorf("%w: its Secrets are by %v, and %v would keep less of them", ErrNarrower, secrets, t.opts.Secrets)
	}
	for {
		r, err := in.next()
		if err != nil {
			return err
		}
		if r == nil {
			break
		}
		t.held.add(r)
	}
	t.now, t.known = &in.index.index, true
	if in.state != nil {
		t.at = in.state.report.Instant
	}
	return nil
}

// Close lets others write the tree, and drops what was not committed.
func (t *Tree) Close() error {
	if t.lock == nil {
		return nil
	}
	var err error
	if t.dump != nil && t.broken == nil {
		err = t.dump.drop(t)
	}
	err = errors.Join(err, t.lock.Close())
	t.lock = nil
	return err
}

// Begin begins a dump, and forgets the one before if that was not committed.
func (t *Tree) Begin(at manifests.Instant) error {
	err := t.broken
	if t.lock == nil {
		err = fs.ErrClosed
	}
	if err == nil && t.dump != nil {
		err = t.dump.drop(t)
		t.dump = nil
	}
	if err == nil && t.held == nil {
		err = t.look()
	}
	if err != nil {
		return fmt.Errorf("begin dump into tree %s: %w", t.root.Name(), err)
	}
	t.dump = &dump{at: at, fresh: make(map[fingerprint]struct{}, len(t.held.list)), known: words{}}
	return nil
}

// Object takes one object of the dump. It is staged if it is not what the tree holds already, and moved to its place by
// Commit.
func (t *Tree) Object(o *manifests.Object) error {
	if t.dump == nil {
		return fmt.Errorf("stage %v in tree %s: %w", o.Key, t.root.Name(), errNoDump)
	}
	if err := t.dump.add(t, o); err != nil {
		err = fmt.Errorf("stage %v in tree %s: %w", o.Key, t.root.Name(), err)
		return errors.Join(err, t.abandon())
	}
	return nil
}

// abandon ends a dump that can't be committed any more.
func (t *Tree) abandon() error {
	d := t.dump
	t.dump = nil
	return d.drop(t)
}

// survey finds out which files are as the index says, and which are none of its.
func (t *Tree) survey() error {
	for _, top := range []string{clusterDir, namespacesDir} {
		info, err := t.root.Lstat(top)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil && !info.IsDir() {
			t.strays = append(t.strays, top)
			continue
		}
		if err == nil {
			err = fs.WalkDir(t.root.FS(), top, func(name string, entry fs.DirEntry, err error) error {
				if err != nil || entry.IsDir() {
					return err
				}
				return t.meet(name, entry)
			})
		}
		if err != nil {
			return err
		}
	}
	slices.Sort(t.strays)
	return nil
}

// meet looks at one file. Its content is only read if its size or time say that somebody may have changed it.
func (t *Tree) meet(name string, entry fs.DirEntry) error {
	r := t.held.file(name)
	if r == nil {
		t.strays = append(t.strays, name)
		return nil
	}
	info, err := entry.Info()
	if err != nil || !info.Mode().IsRegular() || info.Size() != int64(r.size) {
		r.modified = 0 // or else it would count as intact if it had the same time by chance
		return err
	}
	if r.modified != 0 && info.ModTime().UnixNano() == r.modified {
		r.intact = true
		return nil
	}
	sum, err := digestOf(t.root, name)
	if err != nil {
		return err
	}
	r.intact, r.modified = sum == r.sum, 0
	if r.intact {
		r.modified = info.ModTime().UnixNano()
	}
	return nil
}
