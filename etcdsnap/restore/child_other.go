//go:build !linux

package restore

import "syscall"

// endWithUs can't be had here: an etcd outlives this process if that is killed.
func endWithUs() *syscall.SysProcAttr { return nil }
