package terminal

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/clustersnap/clustersnap/examples/demonode"
	"github.com/clustersnap/clustersnap/internal/e2e/command"
)

var (
	colours  = regexp.MustCompile("\x1b\\[[0-9;]*m")
	progress = regexp.MustCompile(`[0-9.]+ ?[kKMG]?i?B/s|\[[0-9]+s\]`)
	green    = regexp.MustCompile("\x1b\\[32mgood ")
)

// Every command's help fits the terminal. They come from the command itself, so that none is forgotten.
func TestHelp(t *testing.T) {
	for _, verb := range commands(t, nil) {
		s := shown(t, nil, append(verb, "--help")...)
		name := strings.Join(append([]string{"clustersnap"}, verb...), " ")
		s.fits(t, name+" --help")
		if colours.MatchString(s.raw) {
			t.Errorf("%s --help has colours", name)
		}
	}
}

// commands are all there are, the root with no words first. Help and completion are
// cobra's own, words and all.
func commands(t testing.TB, at []string) (all [][]string) {
	t.Helper()
	all = append(all, at)
	for _, name := range subcommands(t, at) {
		if len(at) == 0 && (name == "completion" || name == "help") {
			continue
		}
		all = append(all, commands(t, append(append([]string{}, at...), name))...)
	}
	if len(at) == 0 && len(all) < 40 {
		t.Fatalf("%d commands are all there are: %v", len(all), all)
	}
	return all
}

// subcommands are what a shell completes to below a command, those with a description.
func subcommands(t testing.TB, at []string) (names []string) {
	t.Helper()
	for _, line := range completed(t, append(append([]string{}, at...), "")...) {
		if name, _, described := strings.Cut(line, "\t"); described {
			names = append(names, name)
		}
	}
	return names
}

// What is printed of real things stands on the screen as it should, in colours, and without where they are refused.
func TestOutput(t *testing.T) {
	root, set, key, url := aNode(t)
	snapshot := filepath.Join(filepath.Dir(set), "etcd.snap")
	pki := filepath.Join(root.Root, "etc/kubernetes/pki/etcd")
	save := []string{
		"etcd", "save", "--to", snapshot, "--endpoints", root.Endpoint, "--cacert", pki + "/ca.crt",
		"--cert", pki + "/healthcheck-client.crt", "--key", pki + "/healthcheck-client.key",
	}
	for _, verb := range [][]string{save, {"verify", set, "--identity", key}, {"etcd", "verify", snapshot}} {
		s := shown(t, nil, verb...)
		t.Logf("$ %s\n%s", strings.Join(verb, " "), s.raw)
		s.fits(t, verb[0])
		hasColours(t, verb, s)
	}
	for _, verb := range [][]string{
		{"list", set, "--identity", key},
		{"pki", "check", set, "--identity", key},
		{"restore", "prune", "--root", root.Root, "--older-than", "720h"},
		{"restore", set, "--identity", key, "--root", root.Root, "--kubelet", "", "--cri", ""},
	} {
		s := shown(t, nil, verb...)
		t.Logf("$ %s\n%s", strings.Join(verb, " "), s.raw)
		s.fits(t, strings.Join(verb, " "))
	}
	for _, verb := range [][]string{
		{"discover", "--root", root.Root},
		{"list", url},
		{"etcd", "info", snapshot},
		{"etcd", "top", snapshot},
		{"ls", snapshot, "configmaps"},
	} {
		what := strings.Join(verb, " ")
		s := shown(t, nil, verb...)
		t.Logf("$ %s\n%s", what, s.raw)
		if verb[0] != "ls" && verb[1] != "top" { // their last columns are names of a cluster, as long as those are
			s.fits(t, what)
		}
		s.clean(t, what)
		for _, refuses := range []string{"NO_COLOR=1", "TERM=dumb"} {
			plain := show(t, nil, "export "+refuses+"; "+quoted(append([]string{command.Path(t)}, verb...)))
			if colours.MatchString(plain.raw) {
				t.Errorf("%s has colours, and %s", what, refuses)
			}
		}
		if o := command.Run(t, "", verb...); strings.Contains(o.Stdout+o.Stderr, "\x1b") {
			t.Errorf("%s has escapes where no terminal is:\n%q", what, o.Stdout)
		}
	}
}

func hasColours(t *testing.T, verb []string, s screen) {
	t.Helper()
	if !green.MatchString(s.raw) {
		t.Errorf("%v: nothing is green:\n%s", verb, s.raw)
	}
}

// aNode is one of which there is a set in a file and in a store, by short names: what a user has is no longer.
func aNode(t testing.TB) (node *demonode.Node, set, key, url string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "")
	must(t, err)
	t.Cleanup(func() { must(t, os.RemoveAll(dir)) })
	must(t, os.Mkdir(filepath.Join(dir, "cp1"), 0o700))
	node, err = demonode.Start(t.Context(), filepath.Join(dir, "cp1"), 500)
	must(t, err)
	t.Cleanup(func() { must(t, node.Close()) })
	recipient, key := command.KeyPair(t)
	set, url = filepath.Join(dir, "set"), "file://"+filepath.Join(dir, "sets")+"/"
	must(t, os.Mkdir(filepath.Join(dir, "sets"), 0o700))
	for _, to := range []string{set, url} {
		command.Good(t, command.Run(t, "", "backup", "--etcd-only", "--root", node.Root, "--to", to, "--recipient", recipient))
	}
	return node, set, key, url
}

// The demo goes through all long steps: what shows their progress leaves no trace among the lines, and is not there where
// standard error is no terminal.
func TestProgress(t *testing.T) {
	dir := t.TempDir()
	errors, report := filepath.Join(dir, "errors"), filepath.Join(dir, "report")
	demo := quoted([]string{command.Path(t), "demo"})

	s := show(t, nil, demo)
	t.Logf("$ clustersnap demo\n%s", s.raw)
	s.fits(t, "demo")
	hasColours(t, []string{"demo"}, s)
	words := regexp.MustCompile(`^([a-z0-9]+ +| {10})\S`)
	for _, l := range s.lines {
		if !words.MatchString(l) {
			t.Errorf("the demo prints a line that begins with no word: %q", l)
		}
	}

	s = show(t, nil, demo+" 2> "+errors)
	s.clean(t, "demo with its errors elsewhere")
	if text, err := os.ReadFile(errors); err != nil || len(text) > 0 {
		t.Errorf("progress is written to a file: %q %v", text, err)
	}

	s = show(t, nil, demo+" > "+report)
	if left := strings.TrimSpace(strings.Join(s.lines, "")); left != "" {
		t.Errorf("on the terminal is left %q", left)
	}
	if text, err := os.ReadFile(report); err != nil || strings.ContainsAny(string(text), "\x1b\r") || len(text) == 0 {
		t.Errorf("the report in a file is %q %v", text, err)
	}
}
