// Command platforms type-checks the library for systems that it is not run on, with its tests:
//
//	platforms GOOS/GOARCH MODULE...
//
// The compiler would say the same and take ten times as long, since what the library imports is compiled for each of
// the systems then: here its declarations are read, and its function bodies are not.
package main

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/tools/go/packages"
)

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: platforms GOOS/GOARCH MODULE...")
		os.Exit(2)
	}
	goos, goarch, _ := strings.Cut(os.Args[1], "/")
	found := 0
	for _, module := range os.Args[2:] {
		n, err := check(module, goos, goarch)
		if err != nil {
			fmt.Fprintln(os.Stderr, "platforms:", err)
			os.Exit(1)
		}
		found += n
	}
	if found > 0 {
		os.Exit(1)
	}
}

// check prints what is wrong in a module, and returns how much that is.
func check(module, goos, goarch string) (int, error) {
	all, err := packages.Load(&packages.Config{
		Dir: module, Tests: true, Env: append(os.Environ(), "GOOS="+goos, "GOARCH="+goarch, "CGO_ENABLED=0"),
		Mode: packages.NeedName | packages.NeedImports | packages.NeedDeps | packages.NeedTypes | packages.NeedSyntax,
	}, "./...")
	if err != nil {
		return 0, fmt.Errorf("load %s for %s/%s: %w", module, goos, goarch, err)
	}
	if len(all) == 0 {
		return 0, fmt.Errorf("load %s for %s/%s: no packages are there", module, goos, goarch)
	}
	return packages.PrintErrors(all), nil
}
