package quiesce

import (
	"errors"
	"testing"
)

// TestNotStarted has texts of container runtimes, and some that leave open whether the command has run.
func TestNotStarted(t *testing.T) {
	const exec = "Internal error occurred: error executing command in container: "
	const runc = exec + `failed to exec in container: failed to start exec "0f1e": OCI runtime exec failed: exec failed: `
	for text, want := range map[string]bool{
		runc + `unable to start container process: exec: "sh": executable file not found in $PATH: unknown`:                   true,
		runc + `unable to start container process: exec: "/bin/sh": stat /bin/sh: no such file or directory: unknown`:         true,
		runc + `unable to start container process: exec: "/data": permission denied: unknown`:                                 true,
		exec + "crun: executable file `sh` not found in $PATH: No such file or directory: OCI runtime attempted to invoke it": true,
		runc + "unable to start container process: resource temporarily unavailable":                                          false,
		exec + "context deadline exceeded":                          false,
		"websocket: close 1006 (abnormal closure): unexpected EOF":  false,
		"dial unix /run/containerd.sock: no such file or directory": false,
		"the server is currently unable to handle the request":      false,
	} {
		if got := notStarted(errors.New(text)); got != want {
			t.Errorf("%s: got %v", text, got)
		}
	}
}
