package demonode

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"time"
)

// writeTree writes the files of the node, but for the manifests. One instant dates all certificates.
func writeTree(root string, now time.Time) error {
	tree, err := os.OpenRoot(root)
	if err != nil {
		return fmt.Errorf("open node tree: %w", err)
	}
	defer tree.Close()
	switch entries, err := fs.ReadDir(tree.FS(), "."); {
	case err != nil:
		return fmt.Errorf("read node tree: %w", err)
	case len(entries) > 0:
		return fmt.Errorf("write node tree: %s is not empty, give an empty directory", root)
	}
	cluster, err := writePKI(tree, now)
	if err != nil {
		return err
	}
	return errors.Join(writeKubeconfigs(tree, cluster), writeKubelet(tree))
}

// writeFile makes a file and its directories. The file is 0600 from birth and gets its mode last,
// which makes the mode independent of the umask.
func writeFile(tree *os.Root, name string, data []byte, mode fs.FileMode) error {
	if err := tree.MkdirAll(path.Dir(name), 0o755); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if err := tree.WriteFile(name, data, 0o600); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if err := tree.Chmod(name, mode); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}
