package stores

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/clustersnap/clustersnap/internal/e2e/command"
)

// folder is where sets are kept, on a disk or behind a server.
type folder struct {
	t    *testing.T
	root string // the directory with all that is kept
	name string // of the folder in it, empty for all of it
	at   string // its URL
}

// onDisk is an empty directory.
func onDisk(t *testing.T, dir string) folder {
	t.Helper()
	return folder{t: t, root: dir, at: "file://" + dir + "/"}
}

// files are those with content, wherever a server has put them: parts of uploads, too.
func (f folder) files() (names []string) {
	f.t.Helper()
	err := filepath.WalkDir(f.root, func(name string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		info, err := e.Info()
		if err == nil && info.Size() > 0 {
			name, err = filepath.Rel(f.root, name)
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		f.t.Fatal(err)
	}
	slices.Sort(names)
	return names
}

// age makes all that is kept older than it is.
func (f folder) age(by time.Duration) {
	f.t.Helper()
	var names []string
	err := filepath.WalkDir(f.root, func(name string, _ fs.DirEntry, err error) error {
		names = append(names, name)
		return err
	})
	if err != nil {
		f.t.Fatal(err)
	}
	then := time.Now().Add(-by)
	for _, name := range names {
		if err := os.Chtimes(name, then, then); err != nil {
			f.t.Fatal(err)
		}
	}
}

// listing is what "clustersnap list" has to say to a program.
type listing struct {
	Sets []struct {
		Set    string
		SHA256 string
		Size   int64
	}
	Leftovers []struct{ Kind, Name string }
}

// listed has "clustersnap list" list it. That it ends well says that no receipt is without its set.
func (f folder) listed() (l listing) {
	f.t.Helper()
	o := command.Run(f.t, "", "list", f.at, "-o", "json")
	if err := json.Unmarshal([]byte(o.Stdout), &l); err != nil || o.Code != 0 || o.Stderr != "" {
		f.t.Fatalf("list: exit %d, %v\n%s%s", o.Code, err, o.Stdout, o.Stderr)
	}
	return l
}

// sets are the names of those that "clustersnap list" shows.
func sets(t *testing.T, url string) (names []string) {
	t.Helper()
	o := command.Run(t, "", "list", url)
	if o.Code != 0 || o.Stderr != "" {
		t.Fatalf("list: exit %d\n%s%s", o.Code, o.Stdout, o.Stderr)
	}
	for line := range strings.Lines(o.Stdout) {
		if verdict, name, ok := strings.Cut(strings.TrimSpace(line), " "); ok && strings.HasSuffix(verdict, "verified") {
			names = append(names, strings.TrimSpace(name))
		}
	}
	return names
}

// swept has "clustersnap prune" take away what is left, once it is old, and keep what the flags say.
func swept(t *testing.T, f folder, keep ...string) {
	t.Helper()
	f.age(25 * time.Hour)
	o := command.Good(t, command.Run(t, "", append([]string{"prune", f.at, "--without-receipt", "--yes"}, keep...)...))
	t.Log(o.Stdout)
}

// held holds that there are whole sets with their receipts, and no byte of anything else.
func held(t *testing.T, f folder) {
	t.Helper()
	var want []string
	for _, set := range sets(t, f.at) {
		want = append(want, filepath.Join(f.name, set), filepath.Join(f.name, set+".receipt.json"))
	}
	slices.Sort(want)
	if got := f.files(); !slices.Equal(got, want) {
		t.Errorf("there are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
