//go:build !linux

package restore

import (
	"errors"
	"os"
	"syscall"
)

// endWithUs can't be had here: an etcd outlives this process if that is killed.
func endWithUs() *syscall.SysProcAttr { return nil }

func killAll(p *os.Process) error {
	if err := p.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return nil
}
