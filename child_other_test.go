//go:build !linux

package clustersnap_test

import "os/exec"

// dieWithUs can't be had here: a test process that is killed leaves its child.
func dieWithUs(*exec.Cmd) {}
