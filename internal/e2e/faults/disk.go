package faults

import (
	"fmt"
	"os"
	"runtime"
	"syscall"
	"testing"
)

// privateVariable says that a test process has been through PrivateMounts.
const privateVariable = "CLUSTERSNAP_PRIVATE_MOUNTS"

// PrivateMounts gives the test process a mount namespace of its own, in which it starts anew: what is mounted there goes
// with it, also when it is killed. [Main] calls it first, for [SmallDisk] and others.
func PrivateMounts() {
	if os.Getenv(privateVariable) != "" {
		return
	}
	// The namespace is that of one thread, which becomes the whole process as it executes the program again.
	runtime.LockOSThread()
	err := syscall.Unshare(syscall.CLONE_NEWNS)
	if err == nil {
		err = syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, "")
	}
	if err == nil {
		err = syscall.Exec("/proc/self/exe", os.Args, append(os.Environ(), privateVariable+"=1"))
	}
	fmt.Fprintf(os.Stderr, "make a private mount namespace (as root): %v\n", err)
	os.Exit(1)
}

// Main runs the tests of a package after [PrivateMounts], then what is to be done after them, and exits: call it from
// TestMain.
func Main(m *testing.M, after ...func()) {
	PrivateMounts()
	code := m.Run()
	for _, do := range after {
		do()
	}
	os.Exit(code)
}

// SmallDisk gives an empty directory on a file system of its own that is full after size, as tmpfs spells it
// ("64k", "32m"). The test unmounts it, and fails if something has still a file open there.
func SmallDisk(t testing.TB, size string) string {
	t.Helper()
	if os.Getenv(privateVariable) == "" {
		t.Fatal("a mount would outlive a test that is killed: call faults.Main in TestMain")
	}
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Fatalf("mount a tmpfs of %s (as root): %v", size, err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Errorf("unmount %s: %v", dir, err)
		}
	})
	return dir
}

// NothingIn holds that a directory is empty, hidden files included.
func NothingIn(t testing.TB, dir string) {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		t.Errorf("left behind in %s: %s", dir, e.Name())
	}
}
