package clustersnap_test

import (
	"os/exec"
	"syscall"
)

// dieWithUs has cmd killed when the test process dies, however that comes.
func dieWithUs(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
