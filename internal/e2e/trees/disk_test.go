package trees

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/clustersnap/clustersnap/internal/e2e/faults"
	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/tree"
)

// write writes a tree of a few large and many small objects, all of whose content is of one letter.
func write(letter string) func(to *tree.Tree) (tree.Changes, error) {
	return func(to *tree.Tree) (tree.Changes, error) {
		at := manifests.Instant{ResourceVersion: letter}
		if err := to.Begin(at); err != nil {
			return tree.Changes{}, err
		}
		for i := range 60 {
			size := 1 << 10
			if i%20 == 0 {
				size = 64 << 10
			}
			text := fmt.Sprintf("kind: ConfigMap\nname: c%d\ndata: %s\n", i, strings.Repeat(letter, size))
			sum := sha256.Sum256([]byte(text))
			err := to.Object(&manifests.Object{
				Entry: manifests.Entry{
					Key: manifests.Key{
						Resource: "configmaps", Namespace: fmt.Sprintf("%s%d", letter, i%7), Name: fmt.Sprintf("c%d", i),
					},
					Version: "v1", Kind: "ConfigMap", Class: manifests.User, Hash: hex.EncodeToString(sum[:]),
				},
				YAML: []byte(text),
			})
			if err != nil {
				return tree.Changes{}, err
			}
		}
		return to.Commit(&manifests.Report{Instant: at, Outcomes: []manifests.Outcome{{
			Resource: manifests.Resource{Version: "v1", Resource: "configmaps", Kind: "ConfigMap", Namespaced: true},
			State:    manifests.Listed,
		}}})
	}
}

// A disk that is full at any point of a dump leaves the tree as it was. With room again, the next dump is good.
func TestFullDisk(t *testing.T) {
	for name, disk := range map[string]disk{
		"bytes": {size: "4m", fill: fillBytes, step: 8 << 10, points: 20},
		"files": {size: "4m,nr_inodes=300", fill: fillFiles, step: 1, points: 60},
	} {
		t.Run(name, func(t *testing.T) { disk.test(t) })
	}
}

// disk is one that is full of something.
type disk struct {
	size   string
	fill   func(t *testing.T, dir string, room int) // leaves room for so much
	step   int
	points int // at which it is full, at least
}

func (d disk) test(t *testing.T) {
	before, after := t.TempDir(), t.TempDir()
	for dir, letter := range map[string]string{before: "a", after: "b"} {
		_, err := into(t, dir, write(letter))
		must(t, err)
	}
	was, is := files(t, before), files(t, after)
	full := 0
	for fits := false; !fits && !t.Failed(); full++ {
		t.Run(fmt.Sprint("room for ", full*d.step), func(t *testing.T) { fits = d.fullAt(t, full*d.step, was, is) })
	}
	if full <= d.points {
		t.Errorf("the disk was full at %d points, want more than %d", full-1, d.points)
	}
}

func (d disk) fullAt(t *testing.T, room int, was, is map[string]string) (fits bool) {
	top := faults.SmallDisk(t, d.size)
	dir, filler := filepath.Join(top, "tree"), filepath.Join(top, "filler")
	must(t, errors.Join(os.Mkdir(dir, 0o700), os.Mkdir(filler, 0o700)))
	_, err := into(t, dir, write("a"))
	must(t, err)
	d.fill(t, filler, room)

	_, err = into(t, dir, write("b"))
	if fits = err == nil; !fits && !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("on a full disk: %v", err)
	}
	t.Log(err)
	if now := files(t, dir); !fits && !maps.Equal(now, was) {
		t.Errorf("there are %d files, of which not all are those before", len(now))
	}
	reads(t, dir)
	must(t, os.RemoveAll(filler))
	_, err = into(t, dir, write("b"))
	must(t, err)
	if !maps.Equal(files(t, dir), is) {
		t.Error("with room again it has become something else")
	}
	reads(t, dir)
	return fits
}

func fillBytes(t *testing.T, dir string, room int) {
	t.Helper()
	f, err := os.Create(filepath.Join(dir, "filler"))
	must(t, err)
	defer f.Close()
	size := int64(0)
	for block := make([]byte, 4<<10); err == nil; {
		var n int
		n, err = f.Write(block)
		size += int64(n)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	must(t, f.Truncate(max(0, size-int64(room))))
}

func fillFiles(t *testing.T, dir string, room int) {
	t.Helper()
	var err error
	n := 0
	for ; err == nil; n++ {
		err = os.Mkdir(filepath.Join(dir, fmt.Sprint(n)), 0o700)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	for i := range min(room, n-1) {
		must(t, os.Remove(filepath.Join(dir, fmt.Sprint(i))))
	}
}
