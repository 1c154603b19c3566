package readme

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// untested are the blocks that no script runs, and why.
var untested = map[string]string{
	"On a fresh machine 2":                "it is what runs this test",
	"Back up a kubeadm cluster tonight 5": "two images take minutes to build; make drill and package cronjobs have them",
	"Back up a kubeadm cluster tonight 6": "package cronjobs applies the overlays to a real API server",
	"Restore it 3":                        "it takes three nodes: make drill has them",
	"Restore it 4":                        "package realnode restores etcd alone",
}

// Each block is run by a script, or has its reason not to be.
func TestEveryBlock(t *testing.T) {
	all, run := blocks(t, repository()), scripted(t)
	for _, b := range all {
		_, excused := untested[b.String()]
		switch {
		case b.notest != excused:
			t.Errorf("%v: README.md says that it is not tested: %t; there is a reason for that: %t", b, b.notest, excused)
		case b.notest == slices.Contains(run, b.String()):
			t.Errorf("%v: not tested: %t, and a script runs it: %t", b, b.notest, !b.notest)
		}
	}
	for _, name := range slices.AppendSeq(run, maps.Keys(untested)) {
		if _, ok := find(all, name); !ok {
			t.Errorf("README.md has no block %s", name)
		}
	}
}

// scripted are the blocks that the scripts run.
func scripted(t testing.TB) (names []string) {
	t.Helper()
	for _, script := range append(scripts(t, "kubeadm"), scripts(t, "csi")...) {
		text, err := os.ReadFile(script)
		must(t, err)
		for line := range strings.Lines(string(text)) {
			if words := strings.SplitN(strings.TrimPrefix(strings.TrimSpace(line), "! "), " ", 3); words[0] == "run" {
				names = append(names, strings.ReplaceAll(words[2], "'", ""))
			}
		}
	}
	return names
}

// find gives the block that a script names.
func find(all []block, name string) (block, bool) {
	for _, b := range all {
		if b.String() == name {
			return b, true
		}
	}
	return block{}, false
}
