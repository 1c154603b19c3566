package faults

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestMain(m *testing.M) { Main(m) }

func TestSmallDiskIsFullAndGoes(t *testing.T) {
	var dir string
	t.Run("full", func(t *testing.T) {
		dir = SmallDisk(t, "64k")
		if err := os.WriteFile(filepath.Join(dir, "fits"), make([]byte, 32<<10), 0o600); err != nil {
			t.Error(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "too large"), make([]byte, 64<<10), 0o600); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("96 KiB on a disk of 64: %v", err)
		}
	})
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(mounts), dir) {
		t.Errorf("%s is still mounted", dir)
	}
}

// Whoever kills a test unmounts nothing: its mounts must not be anybody else's.
func TestMountsAreThisProcessesAlone(t *testing.T) {
	dir := SmallDisk(t, "64k")
	out, err := os.ReadFile(fmt.Sprintf("/proc/%d/mountinfo", os.Getppid())) // the go command's view
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(out), dir) {
		t.Errorf("%s is mounted for all", dir)
	}
}
