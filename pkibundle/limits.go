package pkibundle

import "fmt"

// A whole node of kubeadm is 100 KiB. The limits leave room for a hundred times
// that, and stop a data directory or a log before it fills the memory.
const (
	maxFileSize     = 1 << 20
	maxBundleSize   = 16 << 20
	maxFiles        = 4096
	maxManifestSize = 4 << 20

	// maxSealedSize is above what the other limits add up to: contents and
	// manifest, up to 2 KiB of tar headers and padding for each file, its path
	// once more in a pax record, and the header and tags of age.
	maxSealedSize = 40 << 20
)

// TooLargeError says which limit of a bundle is exceeded, and by which file.
type TooLargeError struct {
	// Path is the file that is too large, or the one that took the bundle over
	// a limit. It is empty if the sealed file itself is too large.
	Path string
	// What is "file size", "bundle size", "file count", "manifest size" or
	// "sealed size".
	What string
	// Size and Limit are in bytes, for the file count in files. Size may be the
	// size at which reading stopped.
	Size, Limit int64
}

func (e *TooLargeError) Error() string {
	text := fmt.Sprintf("%s %d is over the limit of %d: a bundle is for keys and configuration, leave data and logs out",
		e.What, e.Size, e.Limit)
	if e.Path != "" {
		text = e.Path + ": " + text
	}
	return text
}

// tally holds a growing bundle against its limits.
type tally struct {
	files, size int64
}

func (t *tally) add(path string, size int64) error {
	if err := checkFileSize(path, size); err != nil {
		return err
	}
	t.files++
	t.size += size
	if t.files > maxFiles {
		return &TooLargeError{Path: path, What: "file count", Size: t.files, Limit: maxFiles}
	}
	if t.size > maxBundleSize {
		return &TooLargeError{Path: path, What: "bundle size", Size: t.size, Limit: maxBundleSize}
	}
	return nil
}

func checkFileSize(path string, size int64) error {
	if size > maxFileSize {
		return &TooLargeError{Path: path, What: "file size", Size: size, Limit: maxFileSize}
	}
	return nil
}
