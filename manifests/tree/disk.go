package tree

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"runtime"

	"github.com/clustersnap/clustersnap/internal/durable"
)

// What a tree needs for itself lies in a hidden directory, with a .gitignore of its own: git sees nothing of it.
const (
	metaDir     = ".clustersnap"
	stageDir    = metaDir + "/stage"
	journalName = metaDir + "/journal.json"
	stateName   = metaDir + "/state.json"
	lockName    = metaDir + "/lock"
	ignoreName  = metaDir + "/.gitignore"

	// The files are checked against digests, so git must not change the ends of their lines.
	attributesName = ".gitattributes"
	attributes     = "index.json -text\n*.yaml -text\n*.yaml.age binary\n"

	stagedIndex = stageDir + "/index.json"
	stagedState = stageDir + "/state.json"
)

// writeFile makes or replaces a file of mode 0600 that is on disk when it returns; its name may not be.
func writeFile(root *os.Root, name string, fill func(io.Writer) error) error {
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	err = fill(f)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// writeMissing makes a small file of our own unless there is one.
func writeMissing(root *os.Root, name, text string) error {
	if _, err := root.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return writeFile(root, name, func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	})
}

// manyFiles is from how many files on the whole file system is synced instead of each: a flush of the disk for each of
// 50,000 takes longer than all else.
const manyFiles = 64

// syncFiles waits until files are on disk.
func syncFiles(root *os.Root, names []string) error {
	if len(names) >= manyFiles {
		if err := syncAll(root); !errors.Is(err, errors.ErrUnsupported) {
			return err
		}
	}
	for _, name := range names {
		if err := syncFile(root, name); err != nil {
			return err
		}
	}
	return nil
}

func syncFile(root *os.Root, name string) error {
	f, err := root.OpenFile(name, os.O_RDWR, 0) // Windows syncs no file that is open for reading
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func syncAll(root *os.Root) error {
	f, err := root.Open(".")
	if err != nil {
		return err
	}
	return errors.Join(durable.SyncFS(f), f.Close())
}

// syncDirs waits until the names in directories are on disk. Those that are gone meanwhile have none.
func syncDirs(root *os.Root, dirs map[string]bool) error {
	if len(dirs) >= manyFiles {
		if err := syncAll(root); !errors.Is(err, errors.ErrUnsupported) {
			return err
		}
	}
	for dir := range dirs {
		if err := syncDir(root, dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// syncDir does so with one. Windows can't.
func syncDir(root *os.Root, name string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	f, err := root.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// exists reports whether there is anything of that name, be it a link to nowhere.
func exists(root *os.Root, name string) (bool, error) {
	_, err := root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}
