package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The socket of the runtime is found where there is one, and not guessed where there are two.
func TestSocket(t *testing.T) {
	root := t.TempDir()
	if socket, err := oneSocket(root); err != nil || socket != "" {
		t.Errorf("of none: %q, %v", socket, err)
	}
	for i, name := range sockets[:2] {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		socket, err := oneSocket(root)
		if i == 0 && (err != nil || socket != path) {
			t.Errorf("of one: %q, %v", socket, err)
		}
		if i == 1 && (err == nil || !strings.Contains(err.Error(), "give --cri ")) {
			t.Errorf("of two: %q, %v", socket, err)
		}
	}
	for given, want := range map[string]string{usualSocket: "", "": "", "/x.sock": "/x.sock"} {
		if socket, err := (&restoreFlags{root: root, cri: given}).socket(); err != nil || socket != want {
			t.Errorf("below another root, with %q: %q, %v", given, socket, err)
		}
	}
}
