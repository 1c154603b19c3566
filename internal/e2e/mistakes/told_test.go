package mistakes

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/clustersnap/clustersnap/internal/e2e/bed"
	"github.com/clustersnap/clustersnap/internal/e2e/command"
)

// told is the command, and how each of its verbs has ended so far.
type told struct {
	verbs []string
	node  *bed.Node

	mu    sync.Mutex
	codes map[string]map[int]bool
}

// verbs are those of the command that do something, by its own help.
func verbs(t testing.TB) (all []string) {
	t.Helper()
	var walk func(above ...string)
	walk = func(above ...string) {
		help := command.Run(t, "", append(above, "--help")...).Stdout
		_, list, group := strings.Cut(help, "\nAvailable Commands:\n")
		_, usage, _ := strings.Cut(help, "\nUsage:\n")
		verb := strings.Join(above, " ")
		if !group || !strings.HasPrefix(usage, "  clustersnap "+verb+" [flags]\n") && verb != "" { // a group takes nothing
			all = append(all, verb)
		}
		if !group {
			return
		}
		list, _, _ = strings.Cut(list, "\n\n")
		for line := range strings.Lines(list) {
			if name := strings.Fields(line)[0]; name != "help" && name != "completion" {
				walk(append(slices.Clip(above), name)...)
			}
		}
	}
	walk()
	if len(all) < 30 || slices.Contains(all, "volumes") {
		t.Fatalf("the help has the verbs %q", all)
	}
	return all
}

// verb is that of a command line, as long as possible.
func (h *told) verb(args []string) (verb string) {
	for _, v := range h.verbs {
		if strings.HasPrefix(strings.Join(args, " ")+" ", v+" ") && len(v) > len(verb) {
			verb = v
		}
	}
	return verb
}

func (h *told) exits(ts *testscript.TestScript, _ bool, args []string) {
	h.end(ts, (*exec.Cmd).Run, args)
}

// onnode is in the network of the real cluster's node.
func (h *told) onnode(ts *testscript.TestScript, _ bool, args []string) { h.end(ts, h.node.Run, args) }

// nobody is somebody without rights.
func (h *told) nobody(ts *testscript.TestScript, _ bool, args []string) {
	h.end(ts, func(cmd *exec.Cmd) error {
		cmd.Dir = "/" // the script's is its own
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		return cmd.Run()
	}, args)
}

// end runs the command, which has to end with a code. What it says gets the names of scripts for what they name.
func (h *told) end(ts *testscript.TestScript, run func(*exec.Cmd) error, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	var out, log strings.Builder
	cmd := exec.Command(ts.Getenv("CLUSTERSNAP"), args[1:]...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = ts.MkAbs("."), environment(ts), &out, &log
	if exit := new(exec.ExitError); !errors.As(run(cmd), &exit) && cmd.ProcessState == nil {
		ts.Fatalf("it did not run")
	}
	fmt.Fprint(ts.Stdout(), named(ts, out.String()))
	fmt.Fprint(ts.Stderr(), named(ts, log.String()))
	code := cmd.ProcessState.ExitCode()
	verb := h.verb(args[1:])
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.codes[verb] == nil {
		h.codes[verb] = map[int]bool{}
	}
	h.codes[verb][code] = true
	if code != want {
		ts.Fatalf("exit %d, want %d", code, want)
	}
}

// names are those that sentences have, and variables those that the command finds.
var (
	names = []string{
		"WORK", "NODE", "PKI", "EXPIRED", "SET", "SNAPSHOT", "KEY", "OTHER", "FULL", "ENDPOINT", "RECIPIENT", "KUBECONFIG",
		"CLUSTER", "UID", "CONFS", "FOREIGN", "FOREIGNTREE", "FOREIGNUID", "S3",
	}

	variables = []string{"KUBECONFIG", "HOME", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_EC2_METADATA_DISABLED"}
)

func environment(ts *testscript.TestScript) []string {
	env := []string{"PATH=" + os.Getenv("PATH"), "TMPDIR=" + cmp.Or(ts.Getenv("TMPDIR"), os.TempDir())}
	for _, name := range variables {
		if value := ts.Getenv(name); value != "" {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// temporary is what files in the making have in their names.
var temporary = regexp.MustCompile(`[0-9]{6,}\.partial`)

// named has the names of scripts for what they stand for, the longest first: some lie inside of others.
func named(ts *testscript.TestScript, text string) string {
	list := slices.SortedFunc(slices.Values(names), func(a, b string) int {
		return cmp.Compare(len(ts.Getenv(b)), len(ts.Getenv(a)))
	})
	for _, name := range list {
		if value := ts.Getenv(name); value != "" {
			text = strings.ReplaceAll(text, value, "$"+name)
		}
	}
	return temporary.ReplaceAllString(text, "N.partial")
}

// says holds what the last command said against a sentence. After a wrong command line comes where to look.
func says(ts *testscript.TestScript, _ bool, args []string) {
	said := strings.TrimSuffix(ts.ReadFile("stderr"), "\n")
	if sentence, try, ok := strings.Cut(said, "\nTry \"clustersnap"); ok && strings.HasSuffix(try, " --help\".") {
		said = sentence
	}
	if want := "clustersnap: " + strings.Join(args, " "); said != want {
		ts.Fatalf("it says\n%s\nand not\n%s", said, want)
	}
}

func cuts(ts *testscript.TestScript, _ bool, args []string) {
	info, err := os.Stat(ts.MkAbs(args[0]))
	ts.Check(err)
	ts.Check(os.Truncate(ts.MkAbs(args[0]), info.Size()/2))
}

func flips(ts *testscript.TestScript, _ bool, args []string) {
	text := []byte(ts.ReadFile(args[0]))
	text[len(text)/2] ^= 1
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), text, 0o600))
}

// all holds that each verb has failed, and was given a wrong command line.
func (h *told) all(t *testing.T) {
	for _, v := range h.verbs {
		for _, code := range []int{1, 2} {
			if !h.codes[v][code] {
				t.Errorf("no script has %s exit with %d", v, code)
			}
		}
	}
	good := 0
	for _, codes := range h.codes {
		if codes[0] {
			good++
		}
	}
	if good == 0 {
		t.Error("no script has anything succeed")
	}
}
