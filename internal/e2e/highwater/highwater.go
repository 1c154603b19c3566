// Package highwater measures how much memory a process has at most. The process says it itself: what wait4 says of a
// child counts the pages that its parent had when the child was started.
package highwater

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// Print prints the high-water mark of this process's resident pages in KiB (proc(5), VmHWM): the last thing that a command
// for [Of] does.
func Print() error {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return err
	}
	_, rest, _ := strings.Cut(string(b), "VmHWM:")
	var kib int
	if _, err := fmt.Sscan(rest, &kib); err != nil {
		return fmt.Errorf("read VmHWM: %w", err)
	}
	fmt.Println(kib)
	return nil
}

// Of runs cmd and gives what it printed last, in KiB.
func Of(t testing.TB, cmd *exec.Cmd) int {
	t.Helper()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, out)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	var kib int
	if _, err := fmt.Sscan(lines[len(lines)-1], &kib); err != nil || kib == 0 {
		t.Fatalf("%v says of its memory: %q", cmd.Args, out)
	}
	return kib
}
