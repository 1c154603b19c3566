package restore

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/clustersnap/clustersnap/internal/durable"
	"github.com/clustersnap/clustersnap/kubeadm"
)

// Two restores of a node never run at once, and a second one never begins before the first has ended.
func TestOneRestoreAtATime(t *testing.T) {
	root, node := newNode(t)
	host, err := Host{Root: root}.withDefaults()
	must(t, err)
	first, second := New(node, noon, lone), New(node, noon.Add(time.Second), PlanOptions{})
	m, err := begin(t.Context(), host, first, newSource(t))
	must(t, err)
	_, err = Run(t.Context(), host, second, newSource(t))
	if err == nil || !strings.Contains(err.Error(), "another process is at work") {
		t.Errorf("while it runs: %v", err)
	}
	must(t, m.close())
	if report, err := Run(t.Context(), host, second, newSource(t)); !errors.Is(err, ErrUnfinished) || report != nil {
		t.Errorf("before it has ended: %v, %v", report, err)
	}
	// One that has looked before the first one began.
	late := &machine{at: second.places(root), host: host}
	if err := late.create(line{Version: journalVersion, Plan: second, Was: &was{}, State: began}); !errors.Is(err, ErrUnfinished) {
		t.Errorf("begun meanwhile: %v", err)
	}
	dir, err := os.Open(stateDir(root, "/var/lib/etcd"))
	must(t, err)
	defer dir.Close()
	locked, err := durable.Lock(dir)
	must(t, err)
	err = late.create(line{Version: journalVersion, Plan: second, Was: &was{}, State: began})
	if !locked || err == nil || !strings.Contains(err.Error(), "another process begins a restore") {
		t.Errorf("while another one begins: %v", err)
	}
	report, err := Rollback(t.Context(), host, "/var/lib/etcd", RollbackOptions{})
	if err != nil || report.State != undone || report.ID != first.ID {
		t.Errorf("rolled back: %v, %v", report, err)
	}
	if _, err := Rollback(t.Context(), host, "/var/lib/etcd", RollbackOptions{}); !errors.Is(err, ErrNone) {
		t.Errorf("rolled back twice: %v", err)
	}
}

// Prune leaves what has not ended, and what ended later.
func TestPrune(t *testing.T) {
	root, node := newNode(t)
	now := noon
	host, err := Host{Root: root, Now: func() time.Time { return now }, Limit: 10 * time.Second}.withDefaults()
	must(t, err)
	event, err := closing(t, host, New(node, noon, lone), 0)
	if err != nil || event != "" {
		t.Fatal(event, err)
	}
	none := func(before time.Time) {
		t.Helper()
		if removed, err := Prune(root, "/var/lib/etcd", before); err != nil || len(removed) != 0 {
			t.Errorf("removed is %q: %v", removed, err)
		}
	}
	none(noon.Add(time.Hour))
	j, err := unfinished(root, "/var/lib/etcd")
	must(t, err)
	must(t, j.write(line{State: committed, Time: noon}))
	must(t, j.close())
	none(noon)
	removed, err := Prune(root, "/var/lib/etcd", noon.Add(time.Nanosecond))
	if err != nil || len(removed) != 5 {
		t.Errorf("removed is %q: %v", removed, err)
	}
	for name := range tree(t, root) {
		if base := filepath.Base(name); strings.HasPrefix(base, ".") && name != "." {
			t.Errorf("%s is left", name)
		}
	}
	if list, err := os.ReadDir(stateDir(root, "/var/lib/etcd")); err != nil || len(list) != 0 {
		t.Errorf("journals are left: %v, %v", list, err)
	}
}

// What leads out of the node's root is not touched.
func TestLinkOutOfTheRoot(t *testing.T) {
	root, node := newNode(t)
	data := filepath.Join(root, "var/lib/etcd")
	outside := t.TempDir()
	must(t, os.Rename(data, filepath.Join(outside, "etcd")))
	must(t, os.Symlink(filepath.Join(outside, "etcd"), data))
	_, err := Run(t.Context(), Host{Root: root}, New(node, noon, lone), newSource(t))
	if !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "leads out of the node's root") {
		t.Errorf("the error is %v", err)
	}
}

// A plan is for one restore.
func TestPlanThatWasCarriedOut(t *testing.T) {
	root, node := newNode(t)
	host, plan := Host{Root: root, Limit: 300 * time.Millisecond}, New(node, noon, lone)
	_, err := Run(t.Context(), host, plan, newSource(t))
	says(t, err, "everything is as it was before")
	_, err = Run(t.Context(), host, plan, newSource(t))
	if says(t, err, "plan anew"); !errors.Is(err, ErrRefused) {
		t.Errorf("it is not refused: %v", err)
	}
}

// A restore goes on by its own plan, whatever else the one has that is given.
func TestPlanOfTheJournal(t *testing.T) {
	root, node := newNode(t)
	host, err := Host{Root: root}.withDefaults()
	must(t, err)
	plan := New(node, noon, lone)
	m, err := begin(t.Context(), host, plan, newSource(t))
	must(t, err)
	must(t, m.close())
	other := *node
	other.Programs = slices.Clone(node.Programs)
	for i := range other.Programs {
		file := &other.Programs[i].Image.Source.File
		*file = "etc/elsewhere/" + filepath.Base(*file)
	}
	m, err = begin(t.Context(), host, New(&other, noon, lone), newSource(t))
	must(t, err)
	if want := plan.places(root); m.at != want {
		t.Errorf("it goes on with %+v, want %+v", m.at, want)
	}
	must(t, m.close())
}

// A restore does not begin while another one, of another data directory, has the node's manifests.
func TestManifestsThatAnotherRestoreHolds(t *testing.T) {
	root, node := newNode(t)
	killedAt(t, root, New(node, noon, lone), newSource(t), "journal: fence done")
	moved := *node
	moved.Etcd.DataDir.Value = "/srv/etcd"
	plan := New(&moved, noon.Add(time.Second), lone)
	_, err := Run(t.Context(), Host{Root: root}, plan, newSource(t))
	if says(t, err, "etcd's data was in another directory then"); !errors.Is(err, ErrUnfinished) {
		t.Errorf("the error is %v", err)
	}
	if found, err := Unfinished(root, "/srv/etcd"); !errors.Is(err, ErrNone) {
		t.Errorf("it has begun: %v, %v", found, err)
	}
}

// The files to get in with are kubeadm's, wherever the manifests are.
func TestAdminConf(t *testing.T) {
	plan := &Plan{Node: &kubeadm.Node{}}
	if is, want := plan.conf("/host", adminConf), "/host/etc/kubernetes/admin.conf"; is != want {
		t.Errorf("it is %s, want %s", is, want)
	}
}

// A restore that fails before etcd starts takes itself back.
func TestRunRollsBackByItself(t *testing.T) {
	root, node := newNode(t)
	was := tree(t, root)
	plan := New(node, noon, lone)
	// No etcd starts here: nothing runs static pods.
	report, err := Run(t.Context(), Host{Root: root, Limit: 300 * time.Millisecond}, plan, newSource(t))
	back := err != nil && strings.HasSuffix(err.Error(), "everything is as it was before")
	if !back || errors.Is(err, ErrRefused) || report.State != undone {
		t.Errorf("%v, %+v", err, report)
	}
	now := tree(t, root)
	for name, text := range was {
		if now[name] != text {
			t.Errorf("%s is %q, and was %q", name, now[name], text)
		}
	}
	if len(now) != len(was) {
		t.Errorf("there are\n%s\nand were\n%s", show(now), show(was))
	}
}
