package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// privateMounts cuts the ties to the mounts of the machine, and makes the places private that programs write to
// without asking: containerd's shims have their sockets below /run, runc and ip their notes. The machine is looked
// at for these mounts when all is over.
func privateMounts(_ context.Context, dir string) error {
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if err := syscall.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return fmt.Errorf("mount proc of the process namespace: %w", err)
	}
	if err := syscall.Mount("tmpfs", "/run", "tmpfs", 0, "mode=755"); err != nil {
		return fmt.Errorf("mount tmpfs on /run: %w", err)
	}
	from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
	if err := errors.Join(os.Mkdir(from, 0o755), os.Mkdir(to, 0o755), os.WriteFile(filepath.Join(from, "file"), nil, 0o644)); err != nil {
		return err
	}
	if err := syscall.Mount(from, to, "", syscall.MS_BIND, ""); err != nil {
		return fmt.Errorf("bind a directory: %w", err)
	}
	_, err := os.Stat(filepath.Join(to, "file"))
	return err
}

// overlay lays one directory over another and writes through both.
func overlay(_ context.Context, dir string) error {
	at := func(name string) string { return filepath.Join(dir, "overlay", name) }
	for _, name := range []string{"lower", "upper", "work", "merged"} {
		if err := os.MkdirAll(at(name), 0o755); err != nil {
			return err
		}
	}
	if err := os.WriteFile(at("lower/file"), []byte("below"), 0o644); err != nil {
		return err
	}
	options := fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s", at("lower"), at("upper"), at("work"))
	if err := syscall.Mount("overlay", at("merged"), "overlay", 0, options); err != nil {
		return fmt.Errorf("mount: %w", err)
	}
	if err := os.WriteFile(at("merged/file"), []byte("above"), 0o644); err != nil {
		return err
	}
	for name, want := range map[string]string{"lower/file": "below", "upper/file": "above", "merged/file": "above"} {
		got, err := os.ReadFile(at(name))
		if err != nil {
			return err
		}
		if string(got) != want {
			return fmt.Errorf("%s has %q, want %q", at(name), got, want)
		}
	}
	return nil
}
