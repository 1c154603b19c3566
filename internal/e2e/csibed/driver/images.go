package driver

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// images keeps volumes as image files with ext4 in them, mounted while they exist, and snapshots as image files.
type images struct{ folders }

// minImage is the smallest image. A smaller ext4 has no journal.
const minImage = 8 << 20

func (i images) data(handle string) string     { return i.volume(handle) + ".img" }
func (i images) snapshot(handle string) string { return i.folders.snapshot(handle) + ".img" }

func (i images) create(handle, from string, size int64) (err error) {
	image, at := i.data(handle), i.volume(handle)
	defer func() {
		if err != nil {
			os.Remove(image)
			os.Remove(at)
		}
	}()
	if from == "" {
		err = format(image, max(size, minImage))
	} else {
		err = copyTo(image, from)
	}
	if err := cmp.Or(err, os.Mkdir(at, 0o777)); err != nil {
		return err
	}
	return run("mount", "-o", "loop", image, at)
}

// format makes an image file with an empty ext4.
func format(image string, size int64) error {
	f, err := os.OpenFile(image, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if err := cmp.Or(f.Truncate(size), f.Close()); err != nil {
		return err
	}
	return run("mkfs.ext4", "-q", "-F", image)
}

func (i images) remove(handle string) error {
	exec.Command("fsfreeze", "--unfreeze", i.volume(handle)).Run() // fails if it is not frozen
	if err := run("umount", i.volume(handle)); err != nil {
		return err
	}
	if err := os.Remove(i.volume(handle)); err != nil {
		return err
	}
	if err := os.Remove(i.data(handle)); err != nil {
		return fmt.Errorf("remove image of %s: %w", filepath.Base(i.volume(handle)), err)
	}
	return nil
}

// Freeze freezes the file system of a volume, until Thaw. Folders can't be frozen, and stay as they are.
func (d *Driver) Freeze(t testing.TB, handle string) {
	t.Helper()
	if _, ok := d.store.(images); !ok {
		return
	}
	if err := run("fsfreeze", "--freeze", d.VolumePath(handle)); err != nil {
		t.Fatal(err)
	}
}

// Thaw thaws the file systems of volumes, of all if none is named. One that is not frozen stays as it is.
func (d *Driver) Thaw(handles ...string) {
	if _, ok := d.store.(images); !ok {
		return
	}
	if len(handles) == 0 {
		handles = d.Volumes()
	}
	for _, h := range handles {
		exec.Command("fsfreeze", "--unfreeze", d.VolumePath(h)).Run() // fails if it is not frozen
	}
}
