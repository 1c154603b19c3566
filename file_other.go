//go:build !unix

package clustersnap

import "os"

// lock has nothing to do: a file that is open can't be removed on Windows.
func lock(*os.File) error { return nil }

func removeUnlocked(path string) error {
	_ = os.Remove(path) // fails while its writer lives, which is what it is for
	return nil
}

// syncDir has nothing to do: Windows can't fsync a directory.
func syncDir(string) error { return nil }
