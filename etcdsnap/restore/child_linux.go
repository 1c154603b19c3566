package restore

import (
	"errors"
	"os"
	"syscall"
)

// endWithUs has the kernel end a child when this process ends, however it does. The child leads a group of its own.
func endWithUs() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}

// killAll ends a child's group: etcd may be started by a script.
func killAll(p *os.Process) error {
	if err := syscall.Kill(-p.Pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	return nil
}
