package restore

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// bringing is a source whose files are what bring makes in a directory that is there.
func bringing(t *testing.T, bring func(parent, tree string)) Source {
	src := newSource(t)
	src.Files = func(_ context.Context, parent *os.Root, name string) error {
		tree := filepath.Join(parent.Name(), name)
		must(t, os.Mkdir(tree, 0o700))
		bring(parent.Name(), tree)
		return nil
	}
	return src
}

// killedAt runs until an event whose end is at, and ends there as a process does that is killed.
func killedAt(t *testing.T, root string, plan *Plan, src Source, at string) {
	t.Helper()
	defer func() {
		if _, ok := recover().(crash); !ok {
			t.Fatalf("it was not killed at %s", at)
		}
	}()
	_, _ = Run(t.Context(), Host{Root: root, Limit: time.Second, Changed: func(what string) {
		if strings.HasSuffix(what, at) {
			panic(crash(what))
		}
	}}, plan, src)
}

// What a source leaves, such as half of the keys where it was killed, goes with the rest.
func TestWhatASourceLeaves(t *testing.T) {
	root, node := newNode(t)
	was, plan := tree(t, root), New(node, noon, lone)
	src := bringing(t, func(parent, tree string) {
		write(t, filepath.Join(parent, ".files.extracting/ca.key"), "half")
		write(t, filepath.Join(tree, "etc/kubernetes/pki/ca.crt"), "new")
	})
	killed := src
	killed.Files = func(ctx context.Context, parent *os.Root, name string) error {
		must(t, src.Files(ctx, parent, name))
		panic(crash("in the source"))
	}
	killedAt(t, root, plan, killed, "never")
	_, err := Rollback(t.Context(), Host{Root: root, Limit: time.Second}, "/var/lib/etcd", RollbackOptions{})
	must(t, err)
	same(t, was, tree(t, root))

	plan = New(node, noon.Add(time.Second), lone)
	killedAt(t, root, plan, src, "journal: stage done")
	for name := range tree(t, root) {
		if strings.HasPrefix(name, "var/lib/.etcd.restore/") {
			t.Errorf("once all is staged there is %s", name)
		}
	}
}

// A restore that goes on with another backup leaves nothing of the first one.
func TestAnotherSourceGoesOn(t *testing.T) {
	root, node := newNode(t)
	was, plan := tree(t, root), New(node, noon, lone)
	killedAt(t, root, plan, newSource(t), "/.more.new-"+plan.ID)
	other := bringing(t, func(_, tree string) { write(t, filepath.Join(tree, "etc/kubernetes/pki/ca.key"), "new") })
	err := disturbed(t, root, plan, other, "journal: stage done", func() {
		now := tree(t, root)
		for _, name := range []string{"pki/made", "pki/.ca.crt.new-" + plan.ID} {
			if _, ok := now["etc/kubernetes/"+name]; ok {
				t.Errorf("%s is left of the first source", name)
			}
		}
	})
	says(t, err, "everything is as it was before")
	same(t, was, tree(t, root))
}

// Some names no source may bring.
func TestNamesThatAreRefused(t *testing.T) {
	for name, what := range map[string]string{
		"etc/kubernetes/pki/\xff.crt":         "whose name is not UTF-8",
		"var/lib/etcd/member/snap/db":         "is the restore's own",
		"var/lib/.etcd.restore/x":             "is the restore's own",
		"etc/kubernetes/.restore-ID/etc.yaml": "is the restore's own",
		"etc/kubernetes/out/ca.crt":           "leads out of the node's root",
		"etc/kubernetes/out/deep/ca.crt":      "leads out of the node's root",
	} {
		t.Run(what, func(t *testing.T) {
			root, node := newNode(t)
			outside := t.TempDir()
			must(t, os.Symlink(outside, filepath.Join(root, "etc/kubernetes/out")))
			was, plan := tree(t, root), New(node, noon, lone)
			_, err := Run(t.Context(), Host{Root: root, Limit: time.Second}, plan, bringing(t, func(_, tree string) {
				write(t, filepath.Join(tree, strings.ReplaceAll(name, "ID", plan.ID)), "new")
			}))
			says(t, err, what)
			if !errors.Is(err, ErrRefused) {
				t.Errorf("it is not refused: %v", err)
			}
			same(t, was, tree(t, root))
			if list, err := os.ReadDir(outside); err != nil || len(list) > 0 {
				t.Errorf("outside are %v: %v", list, err)
			}
		})
	}
}

// A link that stays below the root is followed.
func TestLinkWithinTheRoot(t *testing.T) {
	root, node := newNode(t)
	pki := filepath.Join(root, "etc/kubernetes/pki")
	must(t, os.Rename(pki, filepath.Join(root, "var/pki")))
	must(t, os.Symlink("../../var/pki", pki))
	was, plan := tree(t, root), New(node, noon, lone)
	src := bringing(t, func(_, tree string) { write(t, filepath.Join(tree, "etc/kubernetes/pki/ca.crt"), "new") })
	err := disturbed(t, root, plan, src, "journal: swap done", func() {
		if text := tree(t, root)["var/pki/ca.crt"]; text != "-rw------- new" {
			t.Errorf("it is %q", text)
		}
	})
	says(t, err, "everything is as it was before")
	same(t, was, tree(t, root))
}

// The source is told the last revision that is known.
func TestSourceIsToldTheRevision(t *testing.T) {
	root, node := newNode(t)
	host, err := Host{Root: root}.withDefaults()
	must(t, err)
	var told int64
	src := Source{Stage: func(_ context.Context, _ string, last int64) (Staged, error) {
		told = last
		return Staged{}, errors.New("no more")
	}}
	m := &machine{at: New(node, noon, lone).places(root), host: host, src: src}
	must(t, m.create(line{Version: journalVersion, Plan: New(node, noon, lone), Was: &was{Revision: 7}, State: began}))
	defer m.close()
	if _, err := m.stageData(t.Context()); err == nil || told != 7 {
		t.Errorf("it is told %d: %v", told, err)
	}
}

// A directory that was made for the first source, and could not be removed when the second one came, goes in the end.
func TestDirectoryOfTheFirstSource(t *testing.T) {
	root, node := newNode(t)
	was, plan := tree(t, root), New(node, noon, lone)
	killedAt(t, root, plan, newSource(t), "/.more.new-"+plan.ID)
	somebodys := filepath.Join(root, "etc/kubernetes/pki/made/deep/file")
	write(t, somebodys, "somebody's")
	other := bringing(t, func(_, tree string) { write(t, filepath.Join(tree, "etc/kubernetes/pki/ca.key"), "new") })
	err := disturbed(t, root, plan, other, "journal: stage done", func() { must(t, os.Remove(somebodys)) })
	says(t, err, "everything is as it was before")
	same(t, was, tree(t, root))
}
