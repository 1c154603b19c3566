package restore

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/clustersnap/clustersnap/etcdsnap"
)

// exchange swaps two names of one file system in one step.
func exchange(a, b string) error {
	err := unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) {
		return fmt.Errorf("exchange %s and %s: the file system can't do that (%w): move the old member aside yourself", a, b, err)
	}
	if err != nil {
		return fmt.Errorf("exchange %s and %s: %w", a, b, err)
	}
	return nil
}

// share makes dst have what src has, without a copy: btrfs and XFS can do that. It reports whether it worked.
func share(dst, src *os.File) bool {
	return unix.IoctlFileClone(int(dst.Fd()), int(src.Fd())) == nil
}

// inode identifies a file or directory within its file system.
func inode(path string) (uint64, error) {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return 0, &os.PathError{Op: "lstat", Path: path, Err: err}
	}
	return st.Ino, nil
}

// holdDirectory keeps other restores from a data directory. Closing the file lets go.
func holdDirectory(dir string) (*os.File, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		err = errors.New("another restore is at work there: wait for it")
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", dir, err), f.Close())
	}
	return f, nil
}

// holdDatabase takes bbolt's lock of a database, if there is one: etcd waits for it. Closing the file lets go.
func holdDatabase(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|unix.O_NOFOLLOW, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		err = etcdsnap.ErrInUse
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), f.Close())
	}
	return f, nil
}

// own gives all that is in made the owner and the SELinux label of like. Without a label there is nothing to
// do; who is not root can give files to nobody else, and etcd could not read them.
func own(made, like string) error {
	var st unix.Stat_t
	if err := unix.Stat(like, &st); err != nil {
		return &os.PathError{Op: "stat", Path: like, Err: err}
	}
	label := make([]byte, 1024)
	n, err := unix.Getxattr(like, selinux, label)
	if err != nil {
		n = 0
	}
	return walk(made, func(path string) error {
		if err := os.Lchown(path, int(st.Uid), int(st.Gid)); err != nil {
			return err
		}
		if n == 0 {
			return nil
		}
		if err := unix.Lsetxattr(path, selinux, label[:n], 0); err != nil {
			return &os.PathError{Op: "setxattr " + selinux, Path: path, Err: err}
		}
		return nil
	})
}

const selinux = "security.selinux"
