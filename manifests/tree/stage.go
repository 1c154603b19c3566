package tree

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"strconv"
)

// stage holds the files of a dump until they are moved: in a directory for each of those that they go to, whose name is
// a number. So a directory that the tree does not have yet is moved whole, which for the first dump of a cluster is
// one rename for each, and not one for each file.
type stage struct {
	root  *os.Root
	last  *os.Root          // the directory written to last: objects of one kind and namespace come together
	at    string            // its place in the tree
	dirs  map[string]string // the number of each directory of the tree
	made  []string          // the directories of the tree, by number
	files int
}

func newStage(tree *os.Root) (*stage, error) {
	if err := tree.Mkdir(stageDir, 0o700); err != nil {
		return nil, err
	}
	root, err := tree.OpenRoot(stageDir)
	if err != nil {
		return nil, err
	}
	return &stage{root: root, dirs: map[string]string{}}, nil
}

// write makes the file that is to be at p, and gives its time in nanoseconds. It is not on disk before sync.
func (s *stage) write(p string, body []byte) (modified int64, err error) {
	if err := s.enter(path.Dir(p)); err != nil {
		return 0, err
	}
	f, err := s.last.OpenFile(path.Base(p), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return 0, err
	}
	s.files++
	var info fs.FileInfo
	if _, err = f.Write(body); err == nil {
		info, err = f.Stat()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return 0, err
	}
	return info.ModTime().UnixNano(), nil
}

// enter opens, or makes, what is to be a directory of the tree.
func (s *stage) enter(dir string) error {
	if s.last != nil && s.at == dir {
		return nil
	}
	if err := s.leave(); err != nil {
		return err
	}
	number, ok := s.dirs[dir]
	if !ok {
		number = strconv.Itoa(len(s.made))
		if err := s.root.Mkdir(number, 0o700); err != nil {
			return err
		}
		s.dirs[dir] = number
		s.made = append(s.made, dir)
	}
	var err error
	s.last, err = s.root.OpenRoot(number)
	s.at = dir
	return err
}

// leave closes the directory that is open.
func (s *stage) leave() error {
	if s.last == nil {
		return nil
	}
	err := s.last.Close()
	s.last = nil
	return err
}

// moves says where the directories of the stage go.
func (s *stage) moves() []move {
	list := make([]move, len(s.made))
	for i, dir := range s.made {
		list[i] = move{Stage: strconv.Itoa(i), Path: dir}
	}
	return list
}

// sync waits until all is on disk.
func (s *stage) sync() error {
	if s.files >= manyFiles {
		if err := syncAll(s.root); !errors.Is(err, errors.ErrUnsupported) {
			return err
		}
	}
	dirs := map[string]bool{".": true}
	for i := range s.made {
		dir := strconv.Itoa(i)
		files, err := fs.ReadDir(s.root.FS(), dir)
		if err != nil {
			return err
		}
		for _, file := range files {
			if err := syncFile(s.root, dir+"/"+file.Name()); err != nil {
				return err
			}
		}
		dirs[dir] = true
	}
	return syncDirs(s.root, dirs)
}

func (s *stage) close() error { return errors.Join(s.leave(), s.root.Close()) }
