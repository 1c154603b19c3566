package main

import (
	"fmt"
	"io/fs"
	"net"
	"os"
	"syscall"
	"testing"
)

// A backup whose server has gone away must not end without a word, as "ls | head" does.
func TestReaderGone(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want bool
	}{
		"standard output": {&fs.PathError{Op: "write", Path: os.Stdout.Name(), Err: syscall.EPIPE}, true},
		"a server":        {&net.OpError{Op: "write", Net: "tcp", Err: os.NewSyscallError("write", syscall.EPIPE)}, false},
		"another file":    {&fs.PathError{Op: "write", Path: "/run/fifo", Err: syscall.EPIPE}, false},
		"a full disk":     {&fs.PathError{Op: "write", Path: os.Stdout.Name(), Err: syscall.ENOSPC}, false},
	} {
		if got := readerGone(fmt.Errorf("backup: %w", c.err)); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
