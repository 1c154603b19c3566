package dumpbench

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/clustersnap/clustersnap/internal/e2e/command"
)

func TestMain(m *testing.M) { command.Main(m) }

// places are directories, a new one for each run.
type places struct {
	root string
	// keep leaves what a run has made until the benchmark ends: ext4 looks long for an inode where many were just freed.
	keep    bool
	current string
}

// next makes a directory.
func (p *places) next(b *testing.B) string {
	b.Helper()
	var err error
	if p.current, err = os.MkdirTemp(p.root, ""); err != nil {
		b.Fatal(err)
	}
	return p.current
}

// size is that of all files in the directory made last, which go unless they are kept. Less than a MiB is an error.
func (p *places) size() (size int64, err error) {
	err = filepath.WalkDir(p.current, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			size += info.Size()
		}
		return err
	})
	if err == nil && size < 1<<20 {
		err = fmt.Errorf("only %d bytes in %s", size, p.current)
	}
	if err == nil && !p.keep {
		err = os.RemoveAll(p.current)
	}
	return size, err
}
