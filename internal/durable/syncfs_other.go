//go:build !linux || !(amd64 || arm64)

package durable

import (
	"errors"
	"fmt"
	"os"
)

// SyncFS is only there on Linux, on amd64 and arm64. The error wraps [errors.ErrUnsupported].
func SyncFS(f *os.File) error {
	return fmt.Errorf("sync file system of %s: %w", f.Name(), errors.ErrUnsupported)
}
