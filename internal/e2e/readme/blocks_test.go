package readme

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// block is a fenced block of shell commands.
type block struct {
	section string
	number  int // in its section, from 1
	notest  bool
	text    string
}

func (b block) String() string { return fmt.Sprintf("%s %d", b.section, b.number) }

// repository is where the tests are from.
func repository() string {
	_, here, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(here), "../../..")
}

// blocks are the shell blocks of the README.md of a repository. One that is not fenced, or fenced otherwise, is an error:
// nobody would look at it.
func blocks(t testing.TB, repository string) (all []block) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(repository, "README.md"))
	must(t, err)
	section, count := "", map[string]int{}
	var open *block
	other := false // inside of a block that is no shell's
	for line := range strings.Lines(string(text)) {
		fence, isFence := strings.CutPrefix(strings.TrimRight(line, "\n"), "```")
		switch {
		case isFence && other:
			other = false
		case isFence && open != nil:
			all, open = append(all, *open), nil
		case isFence && (fence == "sh" || fence == "sh notest"):
			count[section]++
			open = &block{section: section, number: count[section], notest: fence != "sh"}
		case isFence && fence == "go":
			other = true
		case isFence:
			t.Errorf("a block of %q is fenced as %q: want sh, \"sh notest\" or go", section, fence)
			other = true
		case open != nil:
			open.text += line
		case !other && strings.HasPrefix(line, "    "):
			t.Errorf("a block of %q is not fenced: %s", section, line)
		case !other && strings.HasPrefix(line, "#"):
			section = strings.TrimSpace(strings.TrimLeft(line, "#"))
		}
	}
	if len(all) == 0 || open != nil || other {
		t.Fatalf("README.md has %d whole blocks, and one that does not end: %t", len(all), open != nil || other)
	}
	return all
}
