package tree

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strconv"
)

// move brings the files of a directory of the stage to their places.
type move struct {
	Stage string `json:"stage"` // its name in the stage, a number
	Path  string `json:"path"`  // of the directory that they go to
}

// journal is what a commit has still to do once it is decided: it is written when all that it names is on disk, and is
// removed when all is done. To do it twice does no harm. The index and the state move last, where they are staged.
type journal struct {
	moves   []move
	removes []string
}

func (j *journal) write(w io.Writer) error {
	p := newPrinter(w)
	p.list("moves", ",", len(j.moves), func(b []byte, i int) []byte { return p.json(b, j.moves[i]) })
	p.list("removes", "", len(j.removes), func(b []byte, i int) []byte { return p.json(b, j.removes[i]) })
	return p.end()
}

// readJournal takes no name that a commit would not have written.
func readJournal(r io.Reader) (*journal, error) {
	l := newLines(r)
	if err := l.begin(); err != nil {
		return nil, err
	}
	j := &journal{}
	if err := l.list("moves", ",", func(item []byte) error {
		var m move
		if err := json.Unmarshal(item, &m); err != nil {
			return err
		}
		if n, err := strconv.Atoi(m.Stage); err != nil || strconv.Itoa(n) != m.Stage || n < 0 || !isDir(m.Path) {
			return fmt.Errorf("%q to %q is no move", m.Stage, m.Path)
		}
		j.moves = append(j.moves, m)
		return nil
	}); err != nil {
		return nil, err
	}
	if err := l.list("removes", "", func(item []byte) error {
		var p string
		if err := json.Unmarshal(item, &p); err != nil {
			return err
		}
		if !isPath(p) {
			return fmt.Errorf("%q is no path of an object", p)
		}
		j.removes = append(j.removes, p)
		return nil
	}); err != nil {
		return nil, err
	}
	return j, l.end()
}

// openJournal gives the journal of an interrupted commit, or nil if there is none.
func openJournal(fsys fs.FS) (*journal, error) {
	f, err := fsys.Open(journalName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	j, err := readJournal(f)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", journalName, err)
	}
	return j, nil
}

// finisher does what a journal says.
type finisher struct {
	root *os.Root
	step func(what string)
	dirs map[string]bool // that have to be synced; those above them too
}

// finish brings everything to its place, in an order that an interruption at any point leaves for the next one to go on
// with.
func finish(root *os.Root, j *journal, step func(string)) error {
	f := &finisher{root: root, step: step, dirs: map[string]bool{}}
	for _, m := range j.moves {
		if err := f.move(stageDir+"/"+m.Stage, m.Path); err != nil {
			return fmt.Errorf("move files: %w", err)
		}
	}
	for _, p := range j.removes {
		if err := f.remove(p); err != nil {
			return fmt.Errorf("remove file: %w", err)
		}
	}
	if err := f.moveOwn(stagedIndex, indexName); err != nil {
		return fmt.Errorf("move index: %w", err)
	}
	if err := f.moveOwn(stagedState, stateName); err != nil {
		return fmt.Errorf("move state: %w", err)
	}
	step("sync directories")
	if err := syncDirs(root, f.dirs); err != nil {
		return fmt.Errorf("sync directories: %w", err)
	}
	step("remove journal")
	if err := root.Remove(journalName); err != nil {
		return fmt.Errorf("remove journal: %w", err)
	}
	return syncDir(root, metaDir)
}

// move moves a directory, or its files one by one to where there is one already. What is no longer in the stage was moved
// before an interruption.
func (f *finisher) move(from, to string) error {
	if err := f.touch(path.Dir(to)); err != nil {
		return err
	}
	if there, err := exists(f.root, to); err != nil {
		return err
	} else if !there {
		f.step("move " + to)
		if err := f.root.Rename(from, to); !errors.Is(err, fs.ErrExist) { // else somebody has just made it
			return err
		}
	}
	files, err := fs.ReadDir(f.root.FS(), from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	f.dirs[to] = true
	for _, file := range files {
		p := to + "/" + file.Name()
		if !isPath(p) {
			return fmt.Errorf("%w: no dump has left %s/%s there: remove it", ErrCorrupt, from, file.Name())
		}
		f.step("move " + p)
		if err := f.root.Rename(from+"/"+file.Name(), p); err != nil {
			return err
		}
	}
	return nil
}

// moveOwn moves one of the tree's own files, if it is staged.
func (f *finisher) moveOwn(from, to string) error {
	f.dirs[path.Dir(to)] = true
	if there, err := exists(f.root, from); !there {
		return err
	}
	f.step("move " + to)
	return f.root.Rename(from, to)
}

// remove takes a file away, and the directories that have nothing else.
func (f *finisher) remove(p string) error {
	f.step("remove " + p)
	if err := f.root.Remove(p); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for dir := path.Dir(p); dir != "."; dir = path.Dir(dir) {
		f.dirs[dir] = true
	}
	f.dirs["."] = true
	removeEmpty(f.root, path.Dir(p))
	return nil
}

// removeEmpty removes a directory and those above it, up to the first that is not empty.
func removeEmpty(root *os.Root, dir string) {
	for dir != "." && root.Remove(dir) == nil {
		dir = path.Dir(dir)
	}
}

// touch makes a directory and remembers what has to be synced for it. None is removed before the last move.
func (f *finisher) touch(dir string) error {
	if f.dirs[dir] {
		return nil
	}
	if err := f.root.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for ; dir != "."; dir = path.Dir(dir) {
		f.dirs[dir] = true
	}
	f.dirs["."] = true
	return nil
}
