package main

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/clustersnap/clustersnap/internal/e2e/kubecluster/spec"
)

// tunables are settings of the whole kernel that a kubelet changes, and what it wants. It finds them as it wants them: a
// file lies over each. See setupKernelTunables in pkg/kubelet/cm/container_manager_linux.go of kubernetes/kubernetes.
var tunables = map[string]string{
	"vm/overcommit_memory":      "1",
	"vm/panic_on_oom":           "0",
	"kernel/panic":              "10",
	"kernel/panic_on_oops":      "1",
	"kernel/keys/root_maxkeys":  "1000000",
	"kernel/keys/root_maxbytes": "25000000",
}

// mounts makes mounts below a root until one fails.
type mounts struct {
	root string
	err  error
}

// on mounts at a path, which is made, below the root.
func (m *mounts) on(target, source, kind string, flags uintptr, options string) {
	if m.err != nil {
		return
	}
	at := filepath.Join(m.root, target)
	if m.err = os.MkdirAll(at, 0o755); m.err != nil {
		return
	}
	if err := unix.Mount(source, at, kind, flags, options); err != nil {
		m.err = fmt.Errorf("mount %s (%s) on %s: %w", source, kind, target, err)
	}
}

// bind mounts a file over a file, which is made.
func (m *mounts) bind(target, source string) {
	if m.err != nil {
		return
	}
	at := filepath.Join(m.root, target)
	if m.err = os.MkdirAll(filepath.Dir(at), 0o755); m.err != nil {
		return
	}
	if _, err := os.Lstat(at); err != nil {
		if m.err = os.WriteFile(at, nil, 0o755); m.err != nil {
			return
		}
	}
	if err := unix.Mount(source, at, "", unix.MS_BIND, ""); err != nil {
		m.err = fmt.Errorf("bind %s on %s: %w", source, target, err)
	}
}

// mountAll makes the file system of the node: that of the test machine to read, with a tmpfs above it that takes what
// is written, and with the node's own folders. Nothing of it is seen outside, and all of it ends with the node.
func mountAll(machine *spec.Machine) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	memory, root := filepath.Join(machine.Dir, "memory"), filepath.Join(machine.Dir, "all")
	m := &mounts{root: "/"}
	m.on(memory, "tmpfs", "tmpfs", 0, "mode=755")
	for _, d := range []string{"upper", "work"} {
		if m.err == nil {
			m.err = os.Mkdir(filepath.Join(memory, d), 0o755)
		}
	}
	m.on(root, "overlay", "overlay", 0, fmt.Sprintf("lowerdir=/,upperdir=%[1]s/upper,workdir=%[1]s/work", memory))
	m.root = root
	m.on("proc", "proc", "proc", 0, "")
	m.on("sys", "sysfs", "sysfs", 0, "") // which shows the links of the node's network
	m.on("dev", "/dev", "", unix.MS_BIND|unix.MS_REC, "")
	m.on("run", "tmpfs", "tmpfs", 0, "mode=755")
	m.on("tmp", "tmpfs", "tmpfs", 0, "mode=1777")
	for _, dir := range machine.Kept {
		m.on(dir, filepath.Join(machine.Dir, "root", dir), "", unix.MS_BIND, "")
	}
	for name, program := range machine.Programs {
		m.bind(filepath.Join("usr/local/bin", name), program)
	}
	m.tunables()
	m.groups(machine.Groups)
	if m.err != nil {
		return m.err
	}
	return enter(root)
}

// tunables hides settings of the kernel.
func (m *mounts) tunables() {
	for name, value := range tunables {
		file := filepath.Join(m.root, "run/tunables", name)
		if m.err == nil {
			m.err = os.MkdirAll(filepath.Dir(file), 0o755)
		}
		if m.err == nil {
			m.err = os.WriteFile(file, []byte(value+"\n"), 0o644)
		}
		m.bind(filepath.Join("proc/sys", name), file)
	}
}

// groups mounts the control groups that this process is in as whole hierarchies.
func (m *mounts) groups(hierarchies []spec.Hierarchy) {
	const at = "sys/fs/cgroup"
	m.on(at, "tmpfs", "tmpfs", 0, "mode=755")
	for _, h := range hierarchies {
		m.on(filepath.Join(at, h.Name), "cgroup", "cgroup", 0, h.Options)
	}
}

// enter makes a folder the root of this process and of all that it starts.
func enter(root string) error {
	const old = "/mnt"
	if err := unix.PivotRoot(root, root+old); err != nil {
		return fmt.Errorf("pivot root: %w", err)
	}
	if err := os.Chdir("/"); err != nil {
		return err
	}
	if err := unix.Unmount(old, unix.MNT_DETACH); err != nil {
		return fmt.Errorf("unmount old root: %w", err)
	}
	// Kubelets hand mounts on to containers.
	return syscall.Mount("", "/", "", unix.MS_REC|unix.MS_SHARED, "")
}
