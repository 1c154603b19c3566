package restore

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// ended writes the journal of a restore that began at a time and has ended in a state, or has not. It gives the file.
func ended(t *testing.T, root string, at time.Time, revision int64, state string) string {
	t.Helper()
	_, node := newNode(t)
	dir := stateDir(root, "/var/lib/etcd")
	must(t, os.MkdirAll(dir, 0o700))
	plan := New(node, at, lone)
	path := filepath.Join(dir, plan.ID+journalSuffix)
	j, err := createJournal(path, line{
		Version: journalVersion, Plan: plan, State: began, Time: at, Was: &was{Etcd: revision > 0, Revision: revision},
	})
	must(t, err)
	for _, l := range []line{
		{Step: stepFence, State: began, Time: at.Add(time.Second)},
		{Step: stepFence, State: done, Time: at.Add(3500 * time.Millisecond), Notes: []string{"a note"}},
		{State: state, Time: at.Add(time.Minute)},
	} {
		if l.State != "" {
			must(t, j.write(l))
		}
	}
	must(t, j.close())
	return path
}

func TestLast(t *testing.T) {
	root := t.TempDir()
	if report, err := Last(root, "/var/lib/etcd"); report != nil || !errors.Is(err, ErrNone) {
		t.Errorf("where nothing was restored: %+v (%v)", report, err)
	}
	ended(t, root, noon.Add(2*time.Hour), 30, undone)
	ended(t, root, noon.Add(3*time.Hour), 40, "")
	if report, err := Last(root, "/var/lib/etcd"); report != nil || !errors.Is(err, ErrNone) {
		t.Errorf("where no restore was committed: %+v (%v)", report, err)
	}
	ended(t, root, noon, 10, committed)
	newest := ended(t, root, noon.Add(time.Hour), 20, committed)
	report, err := Last(root, "/var/lib/etcd")
	must(t, err)
	steps := []StepReport{{stepFence, 2.5}}
	if report.Before != 20 || report.State != committed || !slices.Equal(report.Steps, steps) {
		t.Errorf("the report is %+v", report)
	}
	if len(report.Notes) != 1 || report.Notes[0] != "a note" {
		t.Errorf("its notes are %q", report.Notes)
	}

	j, err := openJournal(newest)
	must(t, err)
	if report, err := Last(root, "/var/lib/etcd"); report != nil || !errors.Is(err, errLocked) {
		t.Errorf("while a process has the newest: %+v (%v)", report, err)
	}
	must(t, j.close())
	write(t, newest, "{}\n")
	if report, err := Last(root, "/var/lib/etcd"); report != nil || !errors.Is(err, ErrJournal) {
		t.Errorf("with a journal that can't be read: %+v (%v)", report, err)
	}
}
