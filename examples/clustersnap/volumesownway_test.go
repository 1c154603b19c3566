//go:build unix

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/clustersnap/clustersnap/volsnap"
)

// TestOwnWay has programs that take snapshots, and such as do not.
func TestOwnWay(t *testing.T) {
	volume := volsnap.Volume{Namespace: "shop", Claim: "db", Source: "nfs", Reason: volsnap.ReasonNFS}
	for name, test := range map[string]struct {
		script string
		handle string // of the snapshot; "" for none
		err    string
	}{
		"a snapshot": {
			script: `grep -q '"claim":"db"' && echo '{"handle":"s-1","cut":"2026-11-26T04:00:00Z","ready":true}'`, handle: "s-1",
		},
		"nothing":   {script: "exit 0"},
		"it fails":  {script: "echo first >&2; echo no such share >&2; exit 3", err: "exit status 3: no such share"},
		"no JSON":   {script: "echo done", err: "read the snapshot"},
		"no handle": {script: `echo '{"cut":"2026-11-26T04:00:00Z"}'`, err: "needs a handle"},
		"no time":   {script: `echo '{"handle":"s-1"}'`, err: "when it was cut"},
		"a slip":    {script: `echo '{"handle":"s-1","cut":"2026-11-26T04:00:00Z","redy":true}'`, err: "redy"},
		"two":       {script: `echo '{"handle":"s-1","cut":"2026-11-26T04:00:00Z"} {}'`, err: "more than one"},
		"no end":    {script: "head -c 3000000 /dev/zero", err: "more than 1048576 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			program := filepath.Join(t.TempDir(), "program")
			if err := os.WriteFile(program, []byte("#!/bin/sh\n"+test.script+"\n"), 0o700); err != nil {
				t.Fatal(err)
			}
			s, err := ownWay(program)(t.Context(), volume)
			if (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
				t.Errorf("got the error %v, want %q", err, test.err)
			}
			if (s == nil) != (test.handle == "") || s != nil && (s.Handle != test.handle || s.Cut.Year() != 2026) {
				t.Errorf("got %+v, want %q", s, test.handle)
			}
		})
	}
}
