package restore

import "syscall"

// endWithUs has the kernel end a child when this process ends, however it does.
func endWithUs() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
