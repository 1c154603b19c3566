//go:build amd64 || arm64

package durable_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/clustersnap/clustersnap/internal/durable"
)

func TestSyncFS(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "f"))
	if err != nil {
		t.Fatal(err)
	}
	if err := durable.SyncFS(f); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		t.Error(err)
	}
	f.Close()
	if err := durable.SyncFS(f); err == nil {
		t.Error("a closed file has a file system")
	}
	// No disk is behind this one.
	proc, err := os.Open("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	defer proc.Close()
	if err := durable.SyncFS(proc); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("of /proc: %v", err)
	}
}
