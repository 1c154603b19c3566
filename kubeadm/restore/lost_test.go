package restore

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// disturbed runs a restore to which something happens at an event, and gives its error. No etcd starts here.
func disturbed(t *testing.T, root string, plan *Plan, src Source, at string, do func()) error {
	t.Helper()
	host := Host{Root: root, Limit: 300 * time.Millisecond, Changed: func(what string) {
		if what == at {
			do()
		}
	}}
	_, err := Run(t.Context(), host, plan, src)
	return err
}

// says holds an error against a piece of it.
func says(t *testing.T, err error, text string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), text) || strings.Contains(err.Error(), "\n") {
		t.Errorf("the error is %v, want one line with %q", err, text)
	}
}

func same(t *testing.T, was, now map[string]string) {
	t.Helper()
	if !maps.Equal(was, now) {
		t.Errorf("there are\n%s\nand were\n%s", show(now), show(was))
	}
}

// What was staged and has gone before it came into its place ends the restore, and costs nothing of the old.
func TestStagedThingsAreLost(t *testing.T) {
	for _, c := range []struct{ name, lost, at, says string }{
		{"member", "var/lib/etcd/.restore-ID/new/member", "journal: fence done", "new/member, which was staged, is neither there"},
		{"all", "var/lib/etcd/.restore-ID/new", "journal: swap began", "new/member, which was staged, is neither there"},
		{"file", "etc/kubernetes/pki/.ca.crt.new-ID", "journal: fence done", ".ca.crt.new-"},
		{"made file", "etc/kubernetes/pki/made/deep/.more.new-ID", "journal: fence done", ".more.new-"},
		{"link", "etc/kubernetes/pki/.link.new-ID", "journal: fence done", ".link.new-"},
	} {
		t.Run(c.name, func(t *testing.T) {
			root, node := newNode(t)
			was, plan := tree(t, root), New(node, noon, lone)
			err := disturbed(t, root, plan, newSource(t), c.at, func() {
				must(t, os.RemoveAll(filepath.Join(root, strings.ReplaceAll(c.lost, "ID", plan.ID))))
			})
			says(t, err, c.says)
			says(t, err, "everything is as it was before")
			same(t, was, tree(t, root))
		})
	}
}

// Somebody's file in the place of a new one that was lost is not taken for that.
func TestFileOfSomebodyElseStays(t *testing.T) {
	root, node := newNode(t)
	plan := New(node, noon, lone)
	more := filepath.Join(root, "etc/kubernetes/pki/made/deep/more")
	err := disturbed(t, root, plan, newSource(t), "journal: fence done", func() {
		must(t, os.Remove(filepath.Join(filepath.Dir(more), ".more.new-"+plan.ID)))
		write(t, more, "somebody's")
	})
	says(t, err, ".more.new-")
	if text, err := os.ReadFile(more); err != nil || string(text) != "somebody's" {
		t.Errorf("it is %q now: %v", text, err)
	}
}

// An old file stays beside its place as long as it can't have that back.
func TestPlaceThatIsTaken(t *testing.T) {
	root, node := newNode(t)
	was, plan := tree(t, root), New(node, noon, lone)
	place := filepath.Join(root, "etc/kubernetes/pki/ca.crt")
	err := disturbed(t, root, plan, newSource(t), "journal: etcd began", func() {
		must(t, os.Remove(place))
		write(t, filepath.Join(place, "file"), "in a directory")
	})
	says(t, err, "rolling back failed, too: undo swap: ")
	if text, err := os.ReadFile(filepath.Join(filepath.Dir(place), ".ca.crt.old-"+plan.ID)); string(text) != "old pki/ca.crt" {
		t.Fatalf("the old file is %q: %v", text, err)
	}
	must(t, os.RemoveAll(place))
	_, err = Rollback(t.Context(), Host{Root: root, Limit: time.Second}, "/var/lib/etcd", RollbackOptions{})
	must(t, err)
	same(t, was, tree(t, root))
}

// A manifest that is nowhere is not taken for one that is back.
func TestManifestIsLost(t *testing.T) {
	root, node := newNode(t)
	was, plan := tree(t, root), New(node, noon, lone)
	held := filepath.Join(root, "etc/kubernetes", plan.own(), "kube-apiserver.yaml")
	away := filepath.Join(t.TempDir(), "manifest")
	err := disturbed(t, root, plan, newSource(t), "journal: etcd began", func() { must(t, os.Rename(held, away)) })
	says(t, err, "manifests/kube-apiserver.yaml is not there, and not in ")
	must(t, os.Rename(away, held))
	_, err = Rollback(t.Context(), Host{Root: root, Limit: time.Second}, "/var/lib/etcd", RollbackOptions{})
	must(t, err)
	same(t, was, tree(t, root))
}

// A member that is neither old nor staged is nobody's to remove.
func TestSecondMember(t *testing.T) {
	root, node := newNode(t)
	plan := New(node, noon, lone)
	data := filepath.Join(root, "var/lib/etcd")
	err := disturbed(t, root, plan, newSource(t), "journal: etcd began", func() {
		must(t, os.Rename(filepath.Join(data, "member"), filepath.Join(t.TempDir(), "member")))
		makeMember(t, data, "somebody's")
	})
	says(t, err, "is not what was restored")
	says(t, err, "a second member has come to ")
	for name, want := range map[string]string{
		"member/snap/db": "somebody's", ".restore-" + plan.ID + "/old/member/snap/db": "old",
	} {
		if text, err := os.ReadFile(filepath.Join(data, name)); string(text) != want {
			t.Errorf("%s is %q, want %q: %v", name, text, want, err)
		}
	}
}

// The old member is not where the journal says, and something else is where the new one was staged: nothing is removed.
func TestMembersAreSomewhereElse(t *testing.T) {
	root, node := newNode(t)
	was, plan := tree(t, root), New(node, noon, lone)
	data, away := filepath.Join(root, "var/lib/etcd"), t.TempDir()
	own := filepath.Join(data, plan.own())
	err := disturbed(t, root, plan, newSource(t), "journal: swap done", func() {
		must(t, os.Rename(filepath.Join(own, "old/member"), filepath.Join(away, "old")))
	})
	says(t, err, "the old member is neither")
	back := func() error {
		_, err := Rollback(t.Context(), Host{Root: root, Limit: time.Second}, "/var/lib/etcd", RollbackOptions{})
		return err
	}
	says(t, back(), "the old member is neither")
	must(t, os.Rename(filepath.Join(own, "new/member"), filepath.Join(away, "new")))
	must(t, os.Rename(filepath.Join(away, "old"), filepath.Join(data, "member")))
	makeMember(t, filepath.Join(own, "new"), "somebody's")
	says(t, back(), "is not what was staged: move it away")
	must(t, os.RemoveAll(filepath.Join(own, "new/member")))
	must(t, back())
	same(t, was, tree(t, root))
}

// A data directory that is not mounted is another directory: nothing goes on in it, back, or away.
func TestDataDirectoryIsNotMounted(t *testing.T) {
	for _, at := range []string{
		"/new", "journal: stage done", "journal: fence done", "journal: swap done", "journal: undoing", "journal: swap undone",
	} {
		t.Run(filepath.Base(at), func(t *testing.T) {
			root, node := newNode(t)
			was, plan := tree(t, root), New(node, noon, lone)
			host := Host{Root: root, Limit: time.Second, Now: func() time.Time { return noon }}
			func() {
				defer func() { _ = recover() }()
				stop := host
				stop.Limit, stop.Changed = 300*time.Millisecond, func(what string) {
					if strings.HasSuffix(what, at) {
						panic(crash(what))
					}
				}
				_, err := Run(t.Context(), stop, plan, newSource(t))
				t.Fatalf("it was not killed: %v", err)
			}()
			data := filepath.Join(root, "var/lib/etcd")
			must(t, os.Rename(data, data+".away"))
			must(t, os.Mkdir(data, 0o700))
			unmounted := tree(t, root)
			if !strings.Contains(at, "und") {
				_, err := Run(t.Context(), host, plan, newSource(t))
				says(t, err, "is its file system mounted?")
			}
			_, err := Rollback(t.Context(), host, "/var/lib/etcd", RollbackOptions{})
			says(t, err, "is its file system mounted?")
			same(t, unmounted, tree(t, root))
			must(t, os.Remove(data))
			must(t, os.Rename(data+".away", data))
			_, err = Rollback(t.Context(), host, "/var/lib/etcd", RollbackOptions{})
			must(t, err)
			same(t, was, tree(t, root))
		})
	}
}

// Prune takes no directory for the one that it knows, and no old member that should have gone back.
func TestPruneElsewhere(t *testing.T) {
	root, node := newNode(t)
	host, err := Host{Root: root, Limit: time.Second, Now: func() time.Time { return noon }}.withDefaults()
	must(t, err)
	plan := New(node, noon, lone)
	_, err = closing(t, host, plan, 0)
	must(t, err)
	j, err := unfinished(root, "/var/lib/etcd")
	must(t, err)
	path := j.file.Name()
	before, err := os.ReadFile(path)
	must(t, err)
	must(t, j.write(line{State: committed, Time: noon}))
	must(t, j.close())
	was, data := tree(t, root), filepath.Join(root, "var/lib/etcd")
	pruned := func(want string) {
		t.Helper()
		removed, err := Prune(root, "/var/lib/etcd", noon.Add(time.Hour))
		says(t, err, want)
		if len(removed) > 0 {
			t.Errorf("removed is %q", removed)
		}
	}
	must(t, os.Rename(data, data+".away"))
	must(t, os.Mkdir(data, 0o700))
	pruned("is its file system mounted?")
	must(t, os.Remove(data))
	must(t, os.Rename(data+".away", data))
	must(t, os.WriteFile(path, append(before, `{"state":"undone"}`+"\n"...), 0o600))
	pruned("and yet there is an old member at")
	same(t, was, tree(t, root))
}

// Prune passes by a restore at which a process is at work.
func TestPruneWhileOneRuns(t *testing.T) {
	root, node := newNode(t)
	host, err := Host{Root: root, Now: func() time.Time { return noon }}.withDefaults()
	must(t, err)
	plan := New(node, noon, lone)
	_, err = Run(t.Context(), Host{Root: root, Limit: time.Millisecond, Now: host.Now}, plan, newSource(t))
	says(t, err, "everything is as it was before")
	m, err := begin(t.Context(), host, New(node, noon.Add(time.Second), lone), newSource(t))
	must(t, err)
	defer m.close()
	removed, err := Prune(root, "/var/lib/etcd", noon.Add(time.Hour))
	if err != nil || len(removed) != 1 || !strings.HasSuffix(removed[0], plan.ID+journalSuffix) {
		t.Errorf("removed is %q: %v", removed, err)
	}
	if _, err := Unfinished(root, "/var/lib/etcd"); !errors.Is(err, errLocked) {
		t.Errorf("the one that runs: %v", err)
	}
}
