//go:build !unix

package restore

import (
	"errors"
	"io/fs"
)

func owner(fs.FileInfo) [2]int { return [2]int{} }

// chown is for control planes, which run on Linux.
func chown(string, fs.FileInfo) error { return errors.ErrUnsupported }

func inode(fs.FileInfo) (uint64, error) { return 0, errors.ErrUnsupported }

func device(fs.FileInfo) (uint64, error) { return 0, errors.ErrUnsupported }
