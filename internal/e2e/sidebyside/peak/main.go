// Command peak runs a command and writes what it took to a file as JSON: {"wall": nanoseconds, "peak": bytes}. Its
// exit status is 1 if the command failed.
//
//	peak FILE COMMAND [ARGUMENT ...]
//
// It exists because it is small. What wait4 says of a child's memory counts the pages that its parent had
// when the child was started, and a benchmark has many.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: peak FILE COMMAND [ARGUMENT ...]")
		os.Exit(2)
	}
	if err := run(os.Args[1], exec.Command(os.Args[2], os.Args[3:]...)); err != nil {
		fmt.Fprintf(os.Stderr, "run %s: %v\n", os.Args[2], err)
		os.Exit(1)
	}
}

func run(file string, cmd *exec.Cmd) error {
	runtime.LockOSThread() // Pdeathsig is sent when the thread that started the command ends
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	begin := time.Now()
	if err := cmd.Run(); err != nil {
		return err
	}
	cost, err := json.Marshal(map[string]int64{
		"wall": time.Since(begin).Nanoseconds(),
		"peak": cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss << 10, // Linux counts KiB
	})
	if err != nil {
		return err
	}
	return os.WriteFile(file, cost, 0o600)
}
