package faults

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// Btrfs gives an empty directory on a btrfs of its own, on which files can share what they hold. The size is as with [SmallDisk],
// 128m at least; the machine's disk takes no more of it than is used. Needs mkfs.btrfs, and what SmallDisk needs.
func Btrfs(t testing.TB, size string) string {
	t.Helper()
	if os.Getenv(privateVariable) == "" {
		t.Fatal("a mount would outlive a test that is killed: call faults.Main in TestMain")
	}
	image, dir := filepath.Join(t.TempDir(), "btrfs"), t.TempDir()
	for _, cmd := range []*exec.Cmd{
		exec.Command("truncate", "--size="+size, image),
		exec.Command("mkfs.btrfs", "--quiet", image),
	} {
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", cmd, err, out)
		}
	}
	if err := mountImage(image, dir, "btrfs"); err != nil {
		t.Fatalf("mount a btrfs of %s (as root): %v", size, err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Errorf("unmount %s: %v", dir, err)
		}
	})
	return dir
}

// mountImage mounts a file over a loop device, which the kernel frees when it is unmounted.
func mountImage(image, dir, kind string) error {
	file, err := os.OpenFile(image, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	loop, err := attach(file)
	if err != nil {
		return fmt.Errorf("attach a loop device: %w", err)
	}
	defer loop.Close() // until it is mounted nothing else holds the device
	return os.NewSyscallError("mount", unix.Mount(loop.Name(), dir, kind, 0, ""))
}

// attach makes a free loop device show the file until nobody has the device open.
func attach(file *os.File) (*os.File, error) {
	control, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer control.Close()
	for {
		number, err := unix.IoctlRetInt(int(control.Fd()), unix.LOOP_CTL_GET_FREE)
		if err != nil {
			return nil, os.NewSyscallError("LOOP_CTL_GET_FREE", err)
		}
		loop, err := os.OpenFile(fmt.Sprintf("/dev/loop%d", number), os.O_RDWR, 0)
		if err != nil {
			return nil, err
		}
		err = unix.IoctlLoopConfigure(int(loop.Fd()), &unix.LoopConfig{
			Fd: uint32(file.Fd()), Info: unix.LoopInfo64{Flags: unix.LO_FLAGS_AUTOCLEAR},
		})
		if err == nil {
			return loop, nil
		}
		loop.Close()
		if !errors.Is(err, unix.EBUSY) { // or else another process was faster
			return nil, os.NewSyscallError("LOOP_CONFIGURE", err)
		}
	}
}
