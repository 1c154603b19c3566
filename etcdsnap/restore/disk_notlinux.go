//go:build !linux

package restore

import (
	"errors"
	"fmt"
	"os"
)

var errNeedsLinux = fmt.Errorf("an old member is moved aside, and a log put elsewhere, only on Linux: %w", errors.ErrUnsupported)

func exchange(string, string) error { return errNeedsLinux }

func share(*os.File, *os.File) bool { return false }

func inode(string) (uint64, error) { return 0, errNeedsLinux }

func holdDirectory(dir string) (*os.File, error) { return os.Open(dir) }

func holdDatabase(string) (*os.File, error) { return nil, errNeedsLinux }

func alone(*os.File) error { return nil }

func holdSegment(string) (*os.File, error) { return nil, errNeedsLinux }

func isMountPoint(string) bool { return false }

func canExchange(string) error { return errNeedsLinux }

func renameNew(string, string) error { return errNeedsLinux }

func own(string, string) error { return nil }
