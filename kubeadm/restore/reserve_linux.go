package restore

import (
	"errors"
	"os"
	"syscall"
)

// fallocKeepSize is FALLOC_FL_KEEP_SIZE of linux/falloc.h: the blocks are the file's, and it is as long as it was.
const fallocKeepSize = 1

// reserve gives a file room behind its end. A file system that can't do that gives it none.
func reserve(f *os.File, room int64) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	err = syscall.Fallocate(int(f.Fd()), fallocKeepSize, info.Size(), room)
	if errors.Is(err, syscall.EOPNOTSUPP) || errors.Is(err, syscall.ENOSYS) {
		return nil
	}
	return err
}
