package restores

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/clustersnap/clustersnap/etcdsnap/restore"
	"github.com/clustersnap/clustersnap/internal/e2e/etcdbed"
	"github.com/clustersnap/clustersnap/internal/e2e/faults"
)

// logPlaces say where the log goes, and make there what is there before. The data directory has a parent.
var logPlaces = map[string]func(t testing.TB, data string) string{
	"new":            func(t testing.TB, _ string) string { return filepath.Join(t.TempDir(), "wal") },
	"existing empty": func(t testing.TB, _ string) string { return t.TempDir() },
	"mount point": func(t testing.TB, _ string) string {
		dir := faults.SmallDisk(t, "320m")
		makeDirs(t, filepath.Join(dir, "lost+found"))
		return dir
	},
	"inside a new data directory": func(_ testing.TB, data string) string { return filepath.Join(data, "wal") },
	"inside an empty data directory": func(t testing.TB, data string) string {
		makeDirs(t, data)
		return filepath.Join(data, "wal")
	},
	"inside, existing": func(t testing.TB, data string) string {
		makeDirs(t, filepath.Join(data, "wal"))
		return filepath.Join(data, "wal")
	},
	"where etcd has it": func(_ testing.TB, data string) string { return filepath.Join(data, "member", "wal") },
	"new, beside an empty data directory": func(t testing.TB, data string) string {
		makeDirs(t, data)
		return data + "-wal"
	},
	"behind a link": func(t testing.TB, data string) string {
		if err := os.Symlink(t.TempDir(), data+"-wal"); err != nil {
			t.Fatal(err)
		}
		return data + "-wal"
	},
	"all in mount points": func(t testing.TB, data string) string {
		if err := os.Symlink(faults.SmallDisk(t, "320m"), data); err != nil {
			t.Fatal(err)
		}
		return faults.SmallDisk(t, "320m")
	},
}

func makeDirs(t testing.TB, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
}

// Etcd starts with its log wherever --wal-dir can point to.
func TestLogElsewhere(t *testing.T) {
	o := newOutdated(t)
	for name, place := range logPlaces {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			wal := place(t, filepath.Join(dir, "m1"))
			c := etcdbed.Plan(t, etcdbed.Options{Dir: dir, Args: []string{"--wal-dir", wal}})
			members := membersOf(c)
			members[0].WALDir = wal
			result, err := restoreNow(t.Context(), t, o.snapshot, members, restore.Options{})
			if err != nil {
				t.Fatal(err)
			}
			s := scene{scenario: scenario{wal: wal != filepath.Join(members[0].DataDir, "member", "wal")}}
			if got := s.state(t, members[0], result.Revision); got != isNew {
				t.Errorf("the member is %s", got)
			}
			if made := result.Members[0]; made.Aside+made.WALAside != "" || s.oldIsKept(t, members[0]) != 0 {
				t.Errorf("aside there are %q and %q, of nothing", made.Aside, made.WALAside)
			}
			nothingLeft(t, filepath.Dir(dir))
			if got := boots(t, c, o.keys); got != result.Revision {
				t.Errorf("etcd starts at revision %d, not %d", got, result.Revision)
			}
			if _, err := os.Stat(filepath.Join(members[0].DataDir, "member", "wal")); s.wal && !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("etcd has a log of its own: %v", err)
			}
			c.Members[0].Kill(t)
			againAside(t, o, c, members, result.Revision)
		})
	}
}

// againAside holds that a second restore is refused, unless the first one's member may be moved aside.
func againAside(t testing.TB, o *outdated, c *etcdbed.Cluster, members []restore.Member, last int64) {
	t.Helper()
	data, log := listingOf(t, members[0].DataDir), logOf(t, members[0].WALDir)
	if _, err := restoreNow(t.Context(), t, o.snapshot, members, restore.Options{}); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a second restore: %v, want that the member exists", err)
	}
	same(t, members[0].DataDir, data)
	if !maps.Equal(log, logOf(t, members[0].WALDir)) {
		t.Error("a restore that is refused has changed the log")
	}
	result, err := restoreNow(t.Context(), t, o.snapshot, members, restore.Options{MoveAside: true})
	if err != nil {
		t.Fatal(err)
	}
	made := result.Members[0]
	if made.Unread != "" || made.OldRevision < last || result.Revision < last+bump {
		t.Errorf("clients have seen %d: got %+v", last, result)
	}
	if made.WALAside != "" && !maps.Equal(log, logOf(t, made.WALAside)) {
		t.Error("the log that is aside is not as it was")
	}
	c.Members[0].Restart(t)
	if got := has(t, c, o.keys); got != result.Revision {
		t.Errorf("etcd starts at revision %d, not %d", got, result.Revision)
	}
}

// A log that is in the way without its database is refused, too, and moved aside.
func TestLogWithoutDatabase(t *testing.T) {
	o := newOutdated(t)
	wal := filepath.Join(t.TempDir(), "wal")
	c := etcdbed.Plan(t, etcdbed.Options{Args: []string{"--wal-dir", wal}})
	members := membersOf(c)
	members[0].WALDir = wal
	copyTree(t, filepath.Join(o.member.DataDir, "member", "wal"), wal)
	before := listingOf(t, wal)
	if _, err := restoreNow(t.Context(), t, o.snapshot, members, restore.Options{}); !errors.Is(err, fs.ErrExist) {
		t.Errorf("got %v, want that a log exists", err)
	}
	same(t, wal, before)
	faults.NothingIn(t, filepath.Dir(members[0].DataDir))
	result, err := restoreNow(t.Context(), t, o.snapshot, members, restore.Options{MoveAside: true})
	if err != nil {
		t.Fatal(err)
	}
	made := result.Members[0]
	if made.Unread == "" || made.Aside != "" {
		t.Errorf("of a member that is a log alone: %+v", made)
	}
	if !maps.Equal(before, logOf(t, made.WALAside)) {
		t.Errorf("the old log is not in %q", made.WALAside)
	}
	boots(t, c, o.keys)
}

// An operator who moves the log elsewhere on this occasion has an old one that is still inside.
func TestLogMoves(t *testing.T) {
	o := newOutdated(t)
	t.Run("out", func(t *testing.T) {
		wal := filepath.Join(t.TempDir(), "wal")
		c := o.plan(t, etcdbed.Options{Args: []string{"--wal-dir", wal}})
		members := membersOf(c)
		members[0].WALDir = wal
		before := listingOf(t, filepath.Join(members[0].DataDir, "member"))
		result, err := restoreNow(t.Context(), t, o.snapshot, members, restore.Options{MoveAside: true})
		if err != nil {
			t.Fatal(err)
		}
		made := result.Members[0]
		if made.OldRevision != o.last || made.Unread != "" || made.WALAside != "" {
			t.Errorf("clients have seen %d: got %+v", o.last, made)
		}
		same(t, filepath.Join(made.Aside, "member"), before)
		boots(t, c, o.keys)
	})
}
