package restore

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"github.com/clustersnap/clustersnap/internal/durable"
)

// sameFile compares kind, content, mode and owner. A link is compared itself.
func sameFile(a, b string) (bool, error) {
	ia, err := os.Lstat(a)
	if err != nil {
		return false, err
	}
	ib, err := os.Lstat(b)
	if err != nil || ia.Mode().Type() != ib.Mode().Type() || owner(ia) != owner(ib) {
		return false, err
	}
	if ia.Mode().Type() == fs.ModeSymlink {
		ta, err := os.Readlink(a)
		if err != nil {
			return false, err
		}
		tb, err := os.Readlink(b)
		return ta == tb, err
	}
	if !ia.Mode().IsRegular() {
		return false, fmt.Errorf("%s is neither a file nor a link", a)
	}
	if ia.Mode() != ib.Mode() || ia.Size() != ib.Size() {
		return false, nil
	}
	da, err := readSecret(a, ia)
	defer clear(da)
	if err != nil {
		return false, err
	}
	db, err := readSecret(b, ib)
	defer clear(db)
	return bytes.Equal(da, db), err
}

func readSecret(name string, info fs.FileInfo) ([]byte, error) {
	if info.Size() > maxFile {
		return nil, fmt.Errorf("%s has %d bytes, more than %d", name, info.Size(), maxFile)
	}
	return os.ReadFile(name)
}

// copyFile makes to what from is, for root alone until it is whole.
func copyFile(from, to string) error {
	info, err := os.Lstat(from)
	if err != nil {
		return err
	}
	if err := remove(to); err != nil { // of a run that was interrupted
		return err
	}
	switch {
	case info.Mode().Type() == fs.ModeSymlink:
		text, err := os.Readlink(from)
		if err == nil {
			err = os.Symlink(text, to)
		}
		if err == nil {
			err = chown(to, info)
		}
		return err
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is neither a file nor a link", path.Base(from))
	}
	data, err := readSecret(from, info)
	defer clear(data)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = chown(to, info)
	}
	if err == nil {
		err = f.Chmod(info.Mode().Perm()) // after the owner, which takes bits away
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// copyDir makes a directory with mode and owner of another one, unless a run that was interrupted has.
func copyDir(from, to string) error {
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	if err := os.Mkdir(to, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := chown(to, info); err != nil {
		return err
	}
	return errors.Join(os.Chmod(to, info.Mode().Perm()), durable.Sync(filepath.Dir(to)))
}
