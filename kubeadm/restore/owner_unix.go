//go:build unix

package restore

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// owner is that of a file, by number.
func owner(info fs.FileInfo) [2]int {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return [2]int{-1, -1}
	}
	return [2]int{int(st.Uid), int(st.Gid)}
}

// chown gives a file, or a link itself, the owner of another one.
func chown(name string, like fs.FileInfo) error {
	id := owner(like)
	return os.Lchown(name, id[0], id[1])
}

// inode is the number of a file in its file system, and device that of the file system until the next boot.
func inode(info fs.FileInfo) (uint64, error) {
	st, err := status(info)
	if err != nil {
		return 0, err
	}
	return st.Ino, nil
}

func device(info fs.FileInfo) (uint64, error) {
	st, err := status(info)
	if err != nil {
		return 0, err
	}
	return uint64(st.Dev), nil // an int32 on darwin
}

func status(info fs.FileInfo) (*syscall.Stat_t, error) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || st.Ino == 0 {
		return nil, fmt.Errorf("%s has no inode", info.Name())
	}
	return st, nil
}
