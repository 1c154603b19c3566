package driver

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// store is where the data lie. A handle is 24 hex digits.
type store interface {
	volume(handle string) string                  // the folder in which its files are seen
	data(handle string) string                    // what is copied to copy a volume
	snapshot(handle string) string                // the copy
	create(handle, from string, size int64) error // from "" makes an empty volume
	remove(handle string) error
}

// folders keeps volumes and snapshots as folders.
type folders struct{ dir string }

func (f folders) volume(handle string) string   { return filepath.Join(f.dir, "volume-"+handle) }
func (f folders) data(handle string) string     { return f.volume(handle) }
func (f folders) snapshot(handle string) string { return filepath.Join(f.dir, "snapshot-"+handle) }

func (f folders) create(handle, from string, _ int64) error {
	if from == "" {
		return os.Mkdir(f.volume(handle), 0o777)
	}
	return copyTo(f.volume(handle), from)
}

func (f folders) remove(handle string) error { return os.RemoveAll(f.volume(handle)) }

// copyTo copies a file or a folder to where nothing is, by reference where the file system can.
func copyTo(to, from string) error {
	if err := run("cp", "-a", "--reflink=auto", from, to); err != nil {
		os.RemoveAll(to)
		return err
	}
	return nil
}

// run runs a command.
func run(name string, args ...string) error {
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, out)
	}
	return nil
}
