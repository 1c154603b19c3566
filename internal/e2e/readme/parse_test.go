package readme

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/clustersnap/clustersnap/internal/e2e/command"
)

// parses is a shell in which the command only looks at its command line, and other programs hand on what they read.
const parses = `set -eu
PATH=/nowhere
command_not_found_handle() { while IFS= read -r line; do echo "$line"; done; }
clustersnap() { echo "line $*"; "$CLUSTERSNAP" "$@" --help; }
`

// What README.md says has verbs and flags that there are, also where nobody runs it.
func TestBlocksParse(t *testing.T) {
	for _, b := range blocks(t, repository()) {
		t.Run(b.String(), func(t *testing.T) {
			shell := exec.Command("bash", "-c", parses+b.text)
			shell.Dir = t.TempDir()
			shell.Env = append(os.Environ(), "CLUSTERSNAP="+command.Path(t))
			out, err := shell.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			line, inUsage := "", false
			for text := range strings.Lines(string(out)) {
				if l, ok := strings.CutPrefix(text, "line "); ok {
					line = l
				}
				if inUsage && !isOf(strings.Fields(text)[1:], strings.Fields(line)) {
					t.Errorf("clustersnap %s is taken for %s", line, text)
				}
				inUsage = text == "Usage:\n"
			}
		})
	}
}

// isOf reports whether a command line is of a usage: it has its verbs, and no more arguments before the flags.
func isOf(usage, line []string) bool {
	verbs := 0
	for verbs < min(len(usage), len(line)) && usage[verbs] == line[verbs] && usage[verbs][0] != '-' {
		verbs++
	}
	return verbs > 0 && arguments(line[verbs:]) <= arguments(usage[verbs:])
}

// arguments are the words before the flags.
func arguments(words []string) int {
	for i, w := range words {
		if strings.HasPrefix(w, "-") || w == "[flags]" {
			return i
		}
	}
	return len(words)
}
