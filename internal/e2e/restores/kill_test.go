package restores

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/clustersnap/clustersnap/etcdsnap"
	"github.com/clustersnap/clustersnap/etcdsnap/restore"
	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/internal/e2e/etcdbed"
	"github.com/clustersnap/clustersnap/internal/e2e/faults"
	"github.com/clustersnap/clustersnap/internal/e2e/peers"
)

// scenario is what a restore finds.
type scenario struct {
	members int  // 0 is 1
	old     bool // there are old members, to be moved aside
	data    bool // the data directory is there, and empty without an old member
	mount   bool // it is a mount point, and so is that for the log
	wal     bool // the log is elsewhere
}

// scene is a scenario on disk.
type scene struct {
	scenario
	old     *outdated
	cluster *etcdbed.Cluster
	members []restore.Member
	aside   bool    // what is there is moved aside
	root    string  // all is in it
	member  listing // the old member
	log     listing // its log, if that is elsewhere
}

func newScene(t testing.TB, s scenario, old *outdated) *scene {
	t.Helper()
	dir := t.TempDir()
	sc := &scene{scenario: s, old: old, aside: s.old, root: filepath.Dir(dir)}
	opts := etcdbed.Options{Dir: dir, Members: s.members}
	wal := ""
	if s.wal {
		if wal = filepath.Join(t.TempDir(), "log"); s.mount {
			wal = faults.SmallDisk(t, "1g")
		}
		opts.Args = []string{"--wal-dir", wal}
	}
	sc.cluster = etcdbed.Plan(t, opts)
	for _, m := range sc.cluster.Members {
		if s.mount {
			m.DataDir = faults.SmallDisk(t, "1g")
		}
	}
	sc.members = membersOf(sc.cluster)
	for i := range sc.members {
		sc.members[i].WALDir = wal
		sc.fill(t, sc.members[i])
	}
	return sc
}

// fill makes what is there before.
func (s *scene) fill(t testing.TB, m restore.Member) {
	t.Helper()
	if s.old == nil || !s.scenario.old {
		for _, dir := range []string{m.DataDir, m.WALDir} {
			if s.data && dir != "" {
				if err := os.MkdirAll(dir, 0o700); err != nil {
					t.Fatal(err)
				}
			}
		}
		return
	}
	copyTree(t, s.old.member.DataDir, m.DataDir)
	if s.wal {
		inside := filepath.Join(m.DataDir, "member", "wal")
		copyTree(t, inside, m.WALDir)
		if err := os.RemoveAll(inside); err != nil {
			t.Fatal(err)
		}
		s.log = logOf(t, m.WALDir)
	}
	s.member = listingOf(t, filepath.Join(m.DataDir, "member"))
}

// logOf is what is in a directory for the log, without other directories, or nil if there is none.
func logOf(t testing.TB, dir string) listing {
	t.Helper()
	if _, err := os.Stat(dir); err != nil {
		return nil
	}
	all := listingOf(t, dir)
	maps.DeleteFunc(all, func(name, _ string) bool {
		return filepath.Ext(name) != ".wal" && filepath.Ext(name) != ".tmp" || strings.Contains(name, "/")
	})
	return all
}

// command restores to the scene, and dies before step kill, unless that is 0.
func (s *scene) command(t testing.TB, program string, kill int) command.Outcome {
	t.Helper()
	args := []string{"-kill", fmt.Sprint(kill)}
	if s.aside {
		args = append(args, "-aside")
	}
	args = append(args, s.old.snapshot)
	for _, m := range s.members {
		arg := m.Name + "=" + m.PeerURLs[0] + "=" + m.DataDir
		if m.WALDir != "" {
			arg += "=" + m.WALDir
		}
		args = append(args, arg)
	}
	cmd := exec.Command(program, args...)
	return command.Of(t, cmd, cmd.Run)
}

// What one member can be.
const (
	isBefore = "before"
	isNew    = "new"
	isFenced = "fenced"
	isMixed  = "a mix"
)

// state says by the content what a member is. A new one starts at revision.
func (s *scene) state(t testing.TB, m restore.Member, revision int64) string {
	t.Helper()
	here := filepath.Join(m.DataDir, "member")
	info, err := os.Lstat(here)
	logs := listing(nil)
	if s.wal {
		logs = logOf(t, m.WALDir)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if !s.scenario.old && len(logs) == 0 {
			return isBefore
		}
		return isMixed
	case err != nil:
		t.Fatal(err)
	case s.wal && info.Mode().IsRegular():
		s.refused(t, m)
		return isFenced
	}
	now := listingOf(t, here)
	if s.scenario.old && maps.Equal(now, s.member) && maps.Equal(logs, s.log) {
		return isBefore
	}
	for name, sum := range s.member {
		if strings.Contains(sum, "bytes") && now[name] == sum {
			return isMixed
		}
	}
	// An old log would count, and an old database is at another one.
	if got, err := etcdsnap.LastRevision(m.DataDir, etcdsnap.StoppedOptions{WALDir: m.WALDir}); err != nil || got != revision {
		t.Errorf("%s is at revision %d, not %d (%v)", m.DataDir, got, revision, err)
		return isMixed
	}
	return isNew
}

// refused holds that etcd does not start from a fenced member, and leaves all as it is.
func (s *scene) refused(t testing.TB, m restore.Member) {
	t.Helper()
	data, log := listingOf(t, m.DataDir), logOf(t, m.WALDir)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, peers.Etcd37.Path(t), "--data-dir", m.DataDir, "--wal-dir", m.WALDir,
		"--listen-client-urls", "http://127.0.0.1:0", "--advertise-client-urls", "http://127.0.0.1:0", "--listen-peer-urls", "http://127.0.0.1:0")
	out, err := cmd.CombinedOutput()
	if err == nil || ctx.Err() != nil || !strings.Contains(string(out), filepath.Join(m.DataDir, "member")) {
		t.Errorf("etcd starts in spite of the fence: %v\n%s", err, out)
	}
	same(t, m.DataDir, data)
	if !maps.Equal(logOf(t, m.WALDir), log) {
		t.Error("etcd has changed the log in spite of the fence")
	}
}

// firstRevision is that of new members if the old ones, or none, have been in place.
func (s *scene) firstRevision() int64 {
	if s.scenario.old {
		return s.old.last + bump
	}
	return s.old.saved + bump
}

// oldIsKept holds that the old member is whole in some directory aside, and gives the number of those.
func (s *scene) oldIsKept(t testing.TB, m restore.Member) int {
	t.Helper()
	kept := false
	asides := find(t, m.DataDir, "member.aside-*")
	for _, aside := range asides {
		if list, err := os.ReadDir(aside); err != nil || len(list) != 1 || list[0].Name() != "member" {
			t.Errorf("in %s there are %v, want the old member alone (%v)", aside, list, err)
			continue
		}
		log := listing(nil)
		if s.wal {
			log = logOf(t, filepath.Join(m.WALDir, filepath.Base(aside)))
		}
		kept = kept || maps.Equal(listingOf(t, filepath.Join(aside, "member")), s.member) && maps.Equal(log, s.log)
	}
	if !kept && s.scenario.old {
		t.Errorf("the old member of %s is in none of %v", m.DataDir, asides)
	}
	return len(asides)
}

// nothingLeft holds that no partial is anywhere.
func nothingLeft(t testing.TB, root string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".partial") {
			t.Errorf("left behind: %s", path)
			return fs.SkipDir
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// done holds that a restore came to its end, over members that were in the states.
func (s *scene) done(t testing.TB, o command.Outcome, states []string) {
	t.Helper()
	var result restore.Result
	if err := json.NewDecoder(strings.NewReader(o.Stdout)).Decode(&result); err != nil || o.Code != 0 {
		t.Fatalf("exit %d (%v)\n%s", o.Code, err, o.Stderr)
	}
	for i, m := range s.members {
		if got := s.state(t, m, result.Revision); got != isNew {
			t.Errorf("%s is %s, want %s", m.Name, got, isNew)
		}
		want := 0
		if s.scenario.old {
			want++
		}
		if states[i] == isNew {
			want++
		}
		if got := s.oldIsKept(t, m); got != want {
			t.Errorf("%s has %d directories aside, want %d", m.Name, got, want)
		}
		if info, err := os.Stat(m.DataDir); err != nil || info.Mode() != fs.ModeDir|0o700 {
			t.Errorf("%s is of mode %v (%v)", m.DataDir, info.Mode(), err)
		}
	}
	nothingLeft(t, s.root)
}

// Killed before any of its steps, a restore leaves each member as it was, or new, or behind a fence that etcd does not pass. The
// next one succeeds, and nothing of the old member is lost.
func TestKilledAtEveryStep(t *testing.T) {
	program := command.Build(t, "..", "./restoresnap")
	old := newOutdated(t)
	for name, s := range map[string]scenario{
		"nothing there":                 {},
		"empty directory":               {data: true},
		"empty mount point":             {data: true, mount: true},
		"old member":                    {old: true},
		"old member in a mount point":   {old: true, mount: true},
		"three old members":             {old: true, members: 3},
		"three, nothing there":          {members: 3},
		"log elsewhere, nothing there":  {wal: true},
		"log elsewhere, empty":          {wal: true, data: true},
		"log elsewhere, empty, mounted": {wal: true, data: true, mount: true},
		"log elsewhere, old":            {wal: true, old: true},
		"log elsewhere, old, mounted":   {wal: true, old: true, mount: true},
	} {
		t.Run(name, func(t *testing.T) {
			steps := 0
			t.Run("not killed", func(t *testing.T) {
				sc := newScene(t, s, old)
				o := sc.command(t, program, 0)
				steps = strings.Count(o.Stderr, "\n")
				sc.done(t, o, make([]string, len(sc.members)))
			})
			if steps < 2 {
				t.Fatalf("%d steps", steps)
			}
			for n := 1; n <= steps; n++ {
				t.Run(fmt.Sprint(n), func(t *testing.T) { newScene(t, s, old).killed(t, program, n, n == steps) })
			}
		})
	}
}

// killed kills a restore before step n, and tries again.
func (s *scene) killed(t *testing.T, program string, n int, boot bool) {
	o := s.command(t, program, n)
	if o.Code != -1 || strings.Count(o.Stderr, "\n") != n {
		t.Fatalf("exit %d, not killed before step %d\n%s", o.Code, n, o.Stderr)
	}
	lines := strings.Split(strings.TrimSpace(o.Stderr), "\n")
	t.Logf("killed before: %s", strings.ReplaceAll(lines[n-1], s.root, ""))
	var states []string
	for _, m := range s.members {
		state := s.state(t, m, s.firstRevision())
		if state == isMixed {
			t.Errorf("%s is %s", m.Name, state)
		}
		states = append(states, state)
	}
	t.Logf("then: %v", states)
	again := s.command(t, program, 0)
	if !s.aside && strings.Contains(fmt.Sprint(states), isNew) {
		s.refusedAsDone(t, again, states)
		s.aside = true
		again = s.command(t, program, 0)
	}
	s.done(t, again, states)
	if boot && !t.Failed() {
		boots(t, s.cluster, s.old.keys)
	}
}

// refusedAsDone holds that what is new already is neither overwritten nor taken for an old member.
func (s *scene) refusedAsDone(t testing.TB, again command.Outcome, states []string) {
	t.Helper()
	if again.Code != 1 || !strings.Contains(again.Stderr, "exists") {
		t.Errorf("exit %d, want that the new member exists\n%s", again.Code, again.Stderr)
	}
	for i, m := range s.members {
		if got := s.state(t, m, s.firstRevision()); got != states[i] {
			t.Errorf("%s is %s, was %s", m.Name, got, states[i])
		}
		if n := s.oldIsKept(t, m); n != 0 {
			t.Errorf("%d directories are aside of nothing", n)
		}
	}
}
