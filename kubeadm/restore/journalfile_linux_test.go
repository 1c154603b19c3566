package restore

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// inChild runs the test in a process of its own, where it is true.
func inChild(t *testing.T) bool {
	t.Helper()
	const variable = "CLUSTERSNAP_RESTORE_CHILD"
	if os.Getenv(variable) != "" {
		return true
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), variable+"=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	return false
}

// limited has no file of the process grow above a size until lift is called, as a full file system does.
func limited(t *testing.T, size int64) (lift func()) {
	t.Helper()
	var before syscall.Rlimit
	must(t, syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before))
	must(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: uint64(size), Max: before.Max}))
	return func() { must(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before)) }
}

// A line that does not fit leaves nothing of itself, and the next one is written after those before it.
func TestJournalAfterALineThatDoesNotFit(t *testing.T) {
	if !inChild(t) {
		return
	}
	path := filepath.Join(t.TempDir(), "j")
	must(t, os.WriteFile(path, journalText(t), 0o600))
	j, err := openJournal(path)
	must(t, err)
	before, err := os.ReadFile(path)
	must(t, err)
	lift := limited(t, int64(len(before))+20)
	err = j.write(line{State: noted, Step: stepSwap, Why: strings.Repeat("x", 100)})
	lift()
	if !errors.Is(err, syscall.EFBIG) {
		t.Fatalf("the error is %v", err)
	}
	if text, err := os.ReadFile(path); err != nil || !bytes.Equal(text, before) {
		t.Errorf("the journal ends in %q: %v", text[len(text)-50:], err)
	}
	must(t, j.write(line{State: committed}))
	must(t, j.close())
	if j, err = openJournal(path); err != nil || !j.finished() || j.is(stepSwap, noted) {
		t.Fatalf("the journal is %v: %v", j, err)
	}
	must(t, j.close())
}

// What can't be cut off can't be written after either.
func TestJournalThatIsBroken(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	must(t, os.WriteFile(path, journalText(t), 0o600))
	j, err := openJournal(path)
	must(t, err)
	file := j.file
	j.file, err = os.Open(path) // where nothing can be written or cut
	must(t, err)
	says(t, j.write(line{State: committed}), "write journal: ")
	must(t, j.close())
	j.file = file
	if err := j.write(line{State: committed}); !errors.Is(err, ErrJournal) || j.finished() {
		t.Errorf("the error is %v", err)
	}
	must(t, j.close())
}

// A journal that can't be begun leaves nothing, and the restore is refused.
func TestJournalThatCannotBegin(t *testing.T) {
	if !inChild(t) {
		return
	}
	root, node := newNode(t)
	was := tree(t, root)
	lift := limited(t, 20)
	_, err := Run(t.Context(), Host{Root: root}, New(node, noon, lone), newSource(t))
	lift()
	if !errors.Is(err, ErrRefused) || !errors.Is(err, syscall.EFBIG) {
		t.Errorf("the error is %v", err)
	}
	list, err := os.ReadDir(stateDir(root, "/var/lib/etcd"))
	if err != nil || len(list) > 0 {
		t.Errorf("left are %v: %v", list, err)
	}
	now := tree(t, root)
	delete(now, "var/lib/.etcd.restore")
	same(t, was, now)
}

// As long as the last line is not written all is there that taking back needs, also where there was no old member.
func TestCommitThatCannotBeWritten(t *testing.T) {
	if !inChild(t) {
		return
	}
	root, node := newNode(t)
	must(t, os.RemoveAll(filepath.Join(root, "var/lib/etcd/member")))
	was, plan := tree(t, root), New(node, noon, lone)
	killedAt(t, root, plan, newSource(t), "journal: swap done")
	j, err := unfinished(root, "/var/lib/etcd")
	must(t, err)
	for _, s := range (&machine{journal: j}).forward()[3:] {
		must(t, j.write(line{Step: s.name, State: began}))
		must(t, j.write(line{Step: s.name, State: done}))
	}
	must(t, j.close())
	lift := limited(t, j.size)
	_, err = Run(t.Context(), Host{Root: root}, plan, newSource(t))
	lift()
	if !errors.Is(err, ErrStarted) || !errors.Is(err, syscall.EFBIG) {
		t.Fatalf("the error is %v", err)
	}
	_, err = Rollback(t.Context(), Host{Root: root, Limit: time.Second}, "/var/lib/etcd", RollbackOptions{LoseWrites: true})
	must(t, err)
	same(t, was, tree(t, root))
}
