package house

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The command is an example: who copies a verb finds each part of it on a screen or two, and what is worth more lines than that
// belongs in the library.
func TestCommandIsThin(t *testing.T) {
	const most = 160
	files, err := filepath.Glob("../../examples/clustersnap/*.go")
	if err != nil || len(files) < 50 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	verbs := map[string]int{}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		base, lines := filepath.Base(name), bytes.Count(text, []byte("\n"))
		verbs[verbOf(base)] += lines
		if lines > most {
			t.Errorf("%s has %d lines, and %d is the most: find the second concept in it", base, lines, most)
		}
	}
	total := 0
	for _, verb := range slices.Sorted(maps.Keys(verbs)) {
		t.Logf("%5d  %s", verbs[verb], verb)
		total += verbs[verb]
	}
	t.Logf("%5d  lines in all", total)
}

// families are the verbs that have several files each, whose names begin with theirs.
var families = []string{
	"backup", "etcd", "restore", "volumes", "manifests", "pki", "prove", "recover", "history", "prune", "discover", "demo", "list", "ls",
	"get", "export", "verify", "cronjob",
}

// verbOf is the verb that a file is of, or what several share.
func verbOf(file string) string {
	for _, f := range families {
		if rest, ok := strings.CutPrefix(strings.TrimSuffix(file, ".go"), f); ok && (f != "ls" && f != "get" || rest == "") {
			return f
		}
	}
	return "(shared)"
}
