package tree_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/clustersnap/clustersnap/manifests/tree"
)

// A child does something to the tree in a directory, and dies at one of its steps.
const (
	doVariable  = "CLUSTERSNAP_TREE_DO"
	dirVariable = "CLUSTERSNAP_TREE_DIR"
	dieVariable = "CLUSTERSNAP_TREE_DIE"
	died        = 7
)

func TestMain(m *testing.M) {
	if os.Getenv(doVariable) == "" {
		os.Exit(m.Run())
	}
	if err := child(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func child() error {
	left, err := strconv.Atoi(os.Getenv(dieVariable))
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(os.Getenv(dirVariable))
	if err != nil {
		return err
	}
	to, err := tree.Open(root, tree.Options{Step: func(what string) {
		if left--; left < 0 {
			fmt.Fprint(os.Stderr, what)
			os.Exit(died) // nothing that is deferred runs
		}
	}})
	if err != nil {
		return err
	}
	dumps := map[string]func() *cluster{"dump": shopLater, "many": manySecrets}
	if dump := dumps[os.Getenv(doVariable)]; dump != nil {
		if _, err := dump().commit(to); err != nil {
			return err
		}
	}
	return to.Close()
}

// run starts a child that dies at its step number die. It gives the step, or nothing if there are not as many.
func run(t *testing.T, do, dir string, die int) (step string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), doVariable+"="+do, dirVariable+"="+dir, dieVariable+"="+strconv.Itoa(die))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	err := cmd.Run()
	if err == nil {
		return ""
	}
	if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) || exit.ExitCode() != died {
		t.Fatalf("%s, killed at step %d: %v\n%s", do, die, err, &stderr)
	}
	return stderr.String()
}

// shopLater has something of everything that a commit can do.
func shopLater() *cluster {
	c := shop()
	c.set("deployments.apps/web@shop", "new")
	c.set("ingresses.networking.k8s.io/web@shop", "added")
	c.set("nodes/n", "added")
	c.delete("deployments.apps/web@bank")
	c.delete("clusterroles.rbac.authorization.k8s.io/My Role:*?<x>")
	return c
}

// shopNow is the tree before.
func shopNow(t *testing.T) string {
	dir := t.TempDir()
	shop().into(t, dir, tree.Options{})
	return dir
}

// Killed at each step of a dump, and then at each step of what finishes it: whoever reads or opens the tree sees the old
// or the new state, and no third one.
func TestKilledAtEachStep(t *testing.T) {
	before := shopNow(t)
	after := shopNow(t)
	shopLater().into(t, after, tree.Options{})
	was, is := texts(t, before), texts(t, after)

	decided := false
	var steps []string
	for die := 0; ; die++ {
		dir := copied(t, before)
		step := run(t, "dump", dir, die)
		steps = append(steps, step)
		if step == "" {
			break
		}
		decided = decided || slices.Contains(steps, "decide") && step != "decide"
		readsAs(t, step, dir, decided)
		if !decided && !maps.Equal(texts(t, dir), was) {
			t.Errorf("killed at %q: files have changed before the decision", step)
		}
		for again := 0; ; again++ {
			finish := copied(t, dir)
			next := run(t, "open", finish, again)
			readsAs(t, step+" and then at "+next, finish, decided)
			if next == "" {
				if want := map[bool]map[string]string{false: was, true: is}[decided]; !maps.Equal(texts(t, finish), want) {
					t.Errorf("killed at %q and opened again: %v, want %v", step, texts(t, finish), want)
				}
				if left, _ := os.ReadDir(filepath.Join(finish, ".clustersnap", "stage")); len(left) > 0 {
					t.Errorf("killed at %q and opened again: the stage has %v", step, left)
				}
				break
			}
			run(t, "open", finish, 1000)
			readsAs(t, step+" and then at "+next+" and opened", finish, decided)
		}
	}
	all := strings.Join(steps, "\n")
	for _, want := range []string{
		"stage namespaces/", "stage index.json", "stage .clustersnap/state.json", "sync stage", "make directories",
		"write journal", "decide", "move namespaces/", "move cluster/", "remove namespaces/", "remove cluster/",
		"move index.json", "move .clustersnap/state.json", "sync directories",
		"remove journal", "remove stage",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("no step was %q of\n%s", want, all)
		}
	}
}

func readsAs(t *testing.T, step, dir string, decided bool) {
	t.Helper()
	want := shop()
	if decided {
		want = shopLater()
	}
	if kept := want.holds(t, dir); len(kept) > 0 || t.Failed() {
		t.Fatalf("killed at %q: see above", step)
	}
}

// The first dump into a directory: there is no tree, or a whole one.
func TestKilledAtEachStepOfTheFirst(t *testing.T) {
	decided, steps := false, []string{}
	for die := 0; ; die++ {
		dir := t.TempDir()
		step := run(t, "dump", dir, die)
		if step == "" {
			break
		}
		steps = append(steps, step)
		decided = decided || slices.Contains(steps, "decide") && step != "decide"
		if decided {
			readsAs(t, step, dir, true)
		} else if _, err := tree.Read(os.DirFS(dir)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("killed at %q: read as %v", step, err)
		}
		shopLater().into(t, dir, tree.Options{})
		shopLater().holds(t, dir)
	}
	if !decided {
		t.Error("nothing was decided")
	}
}

// texts are the files that git sees.
func texts(t *testing.T, dir string) map[string]string {
	found := files(t, dir)
	for name, text := range found {
		_, found[name], _ = strings.Cut(text, "\n")
	}
	return found
}

func copied(t *testing.T, dir string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return to
}
