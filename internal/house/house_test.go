package house

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// top is the root of the repository: the go command runs a test in the folder of its package.
const top = "../.."

// modules are the folders with a go.mod. Another one is another set of versions to keep, so it is a decision.
var modules = []string{".", "etcdsnap/restore", "examples", "examples/embed", "internal/e2e"}

func TestRepositoryKeepsTheRules(t *testing.T) {
	if found := foundModules(t); !slices.Equal(found, modules) {
		t.Fatalf("the repository has the modules %q, want %q", found, modules)
	}
	reported := map[string]bool{} // a package is listed by each module that depends on it
	for _, module := range modules {
		// Each module has its own versions of what the packages import, so each is a graph of its own.
		for _, violation := range violations(imports(t, module)) {
			if !reported[violation] {
				reported[violation] = true
				t.Errorf("in module %s: %s", module, violation)
			}
		}
	}
}

// foundModules gives the folders below top that hold a go.mod and that the go command would look into, sorted.
func foundModules(t *testing.T) []string {
	t.Helper()
	var found []string
	err := fs.WalkDir(os.DirFS(top), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		hidden := name != "." && strings.ContainsAny(entry.Name()[:1], "._")
		if entry.IsDir() && (hidden || entry.Name() == "testdata") {
			return fs.SkipDir
		}
		if entry.Name() == "go.mod" {
			found = append(found, filepath.ToSlash(filepath.Dir(name)))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(found)
	return found
}

// imports gives the packages of a module and all that they reach, as built for Linux: there the rooms are whole.
func imports(t *testing.T, module string) graph {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...")
	cmd.Dir = filepath.Join(top, module)
	cmd.Env = append(os.Environ(), "GOOS=linux")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("list the packages of module %s: %v\n%s", module, err, &stderr)
	}
	g := graph{}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		g[fields[0]] = fields[1:]
	}
	if len(g) == 0 {
		t.Fatalf("module %s has no packages", module)
	}
	return g
}
