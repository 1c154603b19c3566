package restore

import (
	"os"
	"path/filepath"
	"testing"
)

// What systemd says is told with what to do about it. It is asked by a command, which is another one here.
func TestWhatSystemdSays(t *testing.T) {
	for state, want := range map[string]string{
		"":          "run this on the node itself, or without its kubelet",
		"masked":    "its unit kubelet is masked, and can't be started: unmask it",
		"not-found": `its unit kubelet is "not-found": give the name of the unit`,
	} {
		dir := t.TempDir()
		t.Setenv("PATH", dir)
		if state != "" {
			must(t, os.WriteFile(filepath.Join(dir, "systemctl"), []byte("#!/bin/sh\necho "+state+"\n"), 0o700))
		}
		says(t, Systemd("kubelet").Check(t.Context()), want)
	}
}
