package house

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"testing"
)

// Who looks for a package finds in it what to begin with, and that it does what it shows is held by go test.
func TestEveryPublicPackageHasAnExample(t *testing.T) {
	for _, r := range rooms {
		if (r.kind == root || r.kind == library) && !slices.ContainsFunc(examplesOf(t, r), runs) {
			t.Errorf("%s has no Example with an Output: write one that a first reader can begin with", home(r.path))
		}
	}
}

// examplesOf are those in the test files of a room.
func examplesOf(t *testing.T, r room) []*doc.Example {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(top, filepath.FromSlash(r.path), "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	for _, name := range names {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	return doc.Examples(files...)
}

// runs reports whether go test runs an example: others are compiled only.
func runs(e *doc.Example) bool { return e.Output != "" }
