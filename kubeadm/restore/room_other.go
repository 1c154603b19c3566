//go:build !linux && !darwin

package restore

import "errors"

// checkRoom is for control planes, which run on Linux.
func checkRoom(string, int64) error { return errors.ErrUnsupported }
