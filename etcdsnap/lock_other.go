//go:build !unix

package etcdsnap

import (
	"errors"
	"os"
)

// lockShared can't tell here whether etcd has the file open.
func lockShared(*os.File) (free bool, err error) { return false, errors.ErrUnsupported }
