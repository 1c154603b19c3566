package pkibundle

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/clustersnap/clustersnap/internal/durable"
)

// ExtractOptions changes how Extract works.
type ExtractOptions struct {
	// Names is the file system whose etc/passwd and etc/group say which numbers the names of owners have; nil for this
	// machine's. A name that it does not know, and a file without one, keeps the number that it had.
	Names fs.FS
	// AsCaller leaves all files to the caller, who then need not be root.
	AsCaller bool
}

// Extract writes the bundle's tree into a new directory of parent: the file etc/kubernetes/pki/ca.key becomes
// NAME/etc/kubernetes/pki/ca.key, with its mode and owner. The directory NAME itself is the caller's and 0700.
//
// It is all or nothing: the tree is written beside it under another name, made durable, and renamed as the last step. There
// must be no NAME yet, so nothing is ever overwritten; to change files of a node where
// they are is the restore's work. What a killed call leaves, the next into the same place removes.
func Extract(parent *os.Root, name string, b *Bundle, opts ExtractOptions) error {
	if err := extract(parent, name, b, opts); err != nil {
		return fmt.Errorf("extract bundle into %s: %w", name, err)
	}
	return nil
}

func extract(parent *os.Root, name string, b *Bundle, opts ExtractOptions) error {
	if name == "." || name != filepath.Base(name) || !filepath.IsLocal(name) {
		return errors.New("not the name of one directory in its parent")
	}
	whole, err := b.whole()
	if err != nil {
		return err
	}
	if err := mustBeFree(parent, name); err != nil {
		return err
	}
	owners, err := newOwners(opts)
	if err != nil {
		return err
	}
	staged := "." + name + ".extracting"
	lock, err := stage(parent, staged)
	if err != nil {
		return err
	}
	defer lock.Close()
	err = fill(parent, staged, whole, owners)
	if err == nil {
		err = mustBeFree(parent, name)
	}
	if err == nil {
		err = parent.Rename(staged, name) // which replaces no directory, and with a directory no file
	}
	if err != nil {
		return errors.Join(err, parent.RemoveAll(staged))
	}
	return durable.SyncDir(parent, ".")
}

// mustBeFree looks for what a rename would have to replace.
func mustBeFree(parent *os.Root, name string) error {
	_, err := parent.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return fmt.Errorf("something is there already: %w: give another name, or remove it", fs.ErrExist)
}

// stage makes the directory that the tree is written into, and locks it. What an earlier call has left there goes.
func stage(parent *os.Root, name string) (*os.File, error) {
	for range 2 {
		if err := parent.Mkdir(name, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
		dir, err := parent.Open(name)
		if err != nil {
			return nil, err
		}
		empty, err := lockEmpty(dir)
		if err == nil && empty {
			if info, err := parent.Lstat(name); err == nil && info.IsDir() {
				return dir, nil
			}
		}
		dir.Close()
		if err == nil {
			err = parent.RemoveAll(name)
		}
		if err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("%s fills again and again: let nothing else write there", name)
}

// lockEmpty locks a directory, and says whether it is empty.
func lockEmpty(dir *os.File) (bool, error) {
	locked, err := durable.Lock(dir)
	if err != nil {
		return false, err
	}
	if !locked {
		return false, errors.New("another call extracts there: wait for its end")
	}
	_, err = dir.Readdirnames(1)
	if err == io.EOF {
		return true, nil
	}
	return false, err
}

// fill writes the tree below a directory that is the caller's alone.
func fill(parent *os.Root, staged string, b *Bundle, owners *owners) error {
	root, err := parent.OpenRoot(staged)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, d := range b.Directories {
		if err := root.Mkdir(filepath.FromSlash(d.Path), 0o700); err != nil {
			return err
		}
	}
	for _, f := range b.Files {
		if err := put(root, f, owners); err != nil {
			return err
		}
	}
	// From the deepest up: a directory may end without the right to write to it.
	for _, d := range slices.Backward(b.Directories) {
		if err := finishDir(root, d, owners); err != nil {
			return err
		}
	}
	return durable.SyncDir(root, ".")
}

// finishDir gives a directory its owner and mode, after which it may be closed to the caller.
func finishDir(root *os.Root, d Directory, owners *owners) error {
	path := filepath.FromSlash(d.Path)
	if err := durable.SyncDir(root, path); err != nil {
		return err
	}
	if err := owners.give(root.Lchown, path, d.Owner); err != nil {
		return err
	}
	return root.Chmod(path, d.Mode) // made durable with the directory above
}

// put writes one file or link. A key is never readable by others, not for a moment.
func put(root *os.Root, f File, owners *owners) error {
	path := filepath.FromSlash(f.Path)
	if f.Link != "" {
		if err := root.Symlink(f.Link, path); err != nil {
			return err
		}
		return owners.give(root.Lchown, path, f.Owner)
	}
	file, err := root.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	if _, err := file.Write(f.Data); err != nil {
		return err
	}
	if err := owners.give(root.Lchown, path, f.Owner); err != nil {
		return err
	}
	if err := file.Chmod(f.Mode); err != nil { // after the owner: chown(2) takes bits away
		return err
	}
	return file.Sync()
}
