package volcommands

import (
	"strings"
	"testing"

	"github.com/clustersnap/clustersnap/internal/e2e/command"
)

// TestHelp has no line that is wider than a terminal.
func TestHelp(t *testing.T) {
	for _, of := range []string{"take", "list", "wait", "prune", "restore", "export", "import"} {
		o := command.Run(t, "", "volumes", of, "--help")
		if o.Code != 0 || o.Stderr != "" {
			t.Errorf("volumes %s: exit %d, %s", of, o.Code, o.Stderr)
		}
		for line := range strings.Lines(o.Stdout) {
			if len(line) > 81 {
				t.Errorf("volumes %s: wider than a terminal: %s", of, line)
			}
		}
	}
}
