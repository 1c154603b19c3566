package restores

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/clustersnap/clustersnap/etcdsnap"
	"github.com/clustersnap/clustersnap/etcdsnap/restore"
	"github.com/clustersnap/clustersnap/internal/e2e/etcdbed"
	"github.com/clustersnap/clustersnap/internal/e2e/faults"
)

const bump = 1_000_000_000

// outdated is a cluster of one that has written on after its snapshot, and was killed: its last entries are in its log only.
type outdated struct {
	cluster  *etcdbed.Cluster
	member   *etcdbed.Member
	snapshot string
	keys     map[string]string // in the snapshot
	saved    int64             // the snapshot's revision
	last     int64             // that clients have seen
}

func newOutdated(t testing.TB) *outdated {
	t.Helper()
	// Without commits of its own accord the database stays where the snapshot has left it.
	c := etcdbed.Start(t, etcdbed.Options{Args: []string{"--backend-batch-interval", "24h", "--backend-batch-limit", "1000000"}})
	fill(t, c)
	o := &outdated{cluster: c, member: c.Members[0], snapshot: snapshotOf(t, c)}
	o.keys, o.saved = keysOf(t, c)
	o.last = write(t, c, 100)
	o.member.Kill(t)
	return o
}

// keysOf are all that a cluster has, and the revision that it is at.
func keysOf(t testing.TB, c *etcdbed.Cluster) (map[string]string, int64) {
	t.Helper()
	client := c.Client(t)
	defer client.Close()
	got, err := client.Get(t.Context(), "", clientv3.WithPrefix())
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string]string{}
	for _, kv := range got.Kvs {
		keys[string(kv.Key)] = string(kv.Value)
	}
	return keys, got.Header.Revision
}

// write makes n writes, and says which revision the last one had.
func write(t testing.TB, c *etcdbed.Cluster, n int) (revision int64) {
	t.Helper()
	client := c.Client(t)
	defer client.Close()
	for i := range n {
		put, err := client.Put(t.Context(), fmt.Sprintf("/later/%d", i), "later")
		if err != nil {
			t.Fatal(err)
		}
		revision = put.Header.Revision
	}
	return revision
}

// restoreNow restores a snapshot that was taken just now.
func restoreNow(ctx context.Context, t testing.TB, path string, members []restore.Member, opts restore.Options) (*restore.Result, error) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	return restore.Restore(ctx, f, members, 0, opts)
}

// listing is what a directory holds: of each name its mode and owner, and a sum of what is in it.
type listing map[string]string

// listingOf leaves out what only tells of the directory itself.
func listingOf(t testing.TB, dir string) listing {
	t.Helper()
	all := listing{}
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		all[name] = fmt.Sprint(info.Mode(), " ", info.Sys().(*syscall.Stat_t).Uid)
		if err == nil && e.Type().IsRegular() {
			var sum uint32
			sum, err = sumOf(path)
			all[name] += fmt.Sprintf(" %d bytes %08x", info.Size(), sum)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func sumOf(path string) (uint32, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	sum := crc32.New(crc32.MakeTable(crc32.Castagnoli))
	_, err = io.CopyBuffer(struct{ io.Writer }{sum}, struct{ io.Reader }{f}, make([]byte, 1<<20))
	return sum.Sum32(), err
}

// same holds that a directory is as it was.
func same(t testing.TB, dir string, before listing) {
	t.Helper()
	after := listingOf(t, dir)
	if maps.Equal(before, after) {
		return
	}
	for name := range before {
		if after[name] != before[name] {
			t.Errorf("%s in %s is %q, was %q", name, dir, after[name], before[name])
		}
	}
	for name := range after {
		if _, ok := before[name]; !ok {
			t.Errorf("%s is new in %s: %s", name, dir, after[name])
		}
	}
}

// copyTree copies with owners and modes, and leaves out the zeros that etcd allocates in advance.
func copyTree(t testing.TB, from, to string) {
	t.Helper()
	if err := os.MkdirAll(to, 0o700); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("cp", "-a", "--sparse=always", from+"/.", to).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// boots starts a planned cluster, which must have the keys, and gives its revision.
func boots(t testing.TB, c *etcdbed.Cluster, keys map[string]string) int64 {
	t.Helper()
	c.Run(t)
	return has(t, c, keys)
}

func has(t testing.TB, c *etcdbed.Cluster, keys map[string]string) int64 {
	t.Helper()
	got, revision := keysOf(t, c)
	if len(keys) < 200 || !maps.Equal(got, keys) {
		t.Errorf("%d keys, not the %d of the snapshot", len(got), len(keys))
	}
	return revision
}

// plan gives a cluster of one whose data directory is a copy of the old one.
func (o *outdated) plan(t testing.TB, opts etcdbed.Options) *etcdbed.Cluster {
	t.Helper()
	c := etcdbed.Plan(t, opts)
	for _, m := range c.Members {
		copyTree(t, o.member.DataDir, m.DataDir)
	}
	return c
}

// The new revision is above all that was in the old member's log, and above that of an earlier restore.
func TestAsideCountsWhatTheOldMemberHasSeen(t *testing.T) {
	o := newOutdated(t)
	db, err := etcdsnap.SaveStopped(t.Context(), io.Discard, o.member.DataDir, etcdsnap.StoppedOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if db.Content.Revision != o.saved || o.last != o.saved+100 {
		t.Fatalf("the database is at %d and clients at %d, want %d and 100 more", db.Content.Revision, o.last, o.saved)
	}
	members := membersOf(o.cluster)
	for i, last := 0, o.last; i < 3; i++ { // the same snapshot again, over what became of the first
		before := listingOf(t, filepath.Join(o.member.DataDir, "member"))
		result, err := restoreNow(t.Context(), t, o.snapshot, members, restore.Options{MoveAside: true})
		if err != nil {
			t.Fatal(err)
		}
		made := result.Members[0]
		// A new cluster's log also tells of its members and its version.
		if most := last + int64(5*min(i, 1)); made.OldRevision < last || made.OldRevision > most || made.Unread != "" ||
			result.SnapshotRevision != o.saved || result.Revision < last+bump {
			t.Errorf("clients have seen %d, the snapshot is at %d: got %+v", last, o.saved, result)
		}
		if filepath.Dir(made.Aside) != o.member.DataDir || made.WALAside != "" {
			t.Errorf("the old member went to %q, its log to %q", made.Aside, made.WALAside)
		}
		same(t, filepath.Join(made.Aside, "member"), before)
		if names := listingOf(t, o.member.DataDir); names["member"] == "" || len(find(t, o.member.DataDir, "member.aside-*")) != i+1 {
			t.Errorf("after restore %d: %v", i+1, names)
		}
		o.member.Restart(t)
		if got := has(t, o.cluster, o.keys); got != result.Revision {
			t.Errorf("etcd starts at revision %d, not %d", got, result.Revision)
		}
		if last = write(t, o.cluster, 10); last != result.Revision+10 {
			t.Errorf("after 10 writes the revision is %d", last)
		}
		o.member.Kill(t)
	}
}

func find(t testing.TB, dir, pattern string) []string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestAsideRefusesAMemberThatRuns(t *testing.T) {
	o := newOutdated(t)
	o.member.Restart(t)
	names := func() string {
		var list []string
		for name := range listingOf(t, o.member.DataDir) {
			list = append(list, name)
		}
		return fmt.Sprint(len(list), find(t, o.member.DataDir, "*"), find(t, o.member.DataDir, ".*"))
	}
	before := names()
	keys, _ := keysOf(t, o.cluster)
	file, err := os.Stat(o.member.DB())
	if err != nil {
		t.Fatal(err)
	}
	_, err = restoreNow(t.Context(), t, o.snapshot, membersOf(o.cluster), restore.Options{MoveAside: true})
	if !errors.Is(err, etcdsnap.ErrInUse) {
		t.Errorf("got %v, want ErrInUse", err)
	}
	if after := names(); after != before {
		t.Errorf("was %s, is %s", before, after)
	}
	if now, err := os.Stat(o.member.DB()); err != nil || !os.SameFile(file, now) {
		t.Errorf("the database is another one (%v)", err)
	}
	has(t, o.cluster, keys)
	write(t, o.cluster, 1)
}

func TestWithoutMoveAsideAnOldMemberIsRefused(t *testing.T) {
	o := newOutdated(t)
	before := listingOf(t, o.member.DataDir)
	_, err := restoreNow(t.Context(), t, o.snapshot, membersOf(o.cluster), restore.Options{})
	if !errors.Is(err, fs.ErrExist) || !strings.Contains(err.Error(), o.member.DataDir) {
		t.Errorf("got %v, want that it exists", err)
	}
	same(t, o.member.DataDir, before)
}

// What can't be read any more is kept all the same.
func TestAsideTakesADamagedMember(t *testing.T) {
	o := newOutdated(t)
	for name, damage := range map[string]struct {
		do   func(dir string) error
		says string
	}{
		"no database":    {func(dir string) error { return os.Remove(filepath.Join(dir, "member/snap/db")) }, "no such file"},
		"cut":            {func(dir string) error { return os.Truncate(filepath.Join(dir, "member/snap/db"), 3*4096) }, "ends after"},
		"empty database": {func(dir string) error { return os.Truncate(filepath.Join(dir, "member/snap/db"), 0) }, "damaged"},
		"cut log":        {func(dir string) error { return os.WriteFile(segmentOf(dir), bytes.Repeat([]byte("x"), 4096), 0o600) }, "log"},
		"nothing":        {func(dir string) error { return os.RemoveAll(filepath.Join(dir, "member/snap")) }, "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			c := o.plan(t, etcdbed.Options{})
			m := c.Members[0]
			if err := damage.do(m.DataDir); err != nil {
				t.Fatal(err)
			}
			before := listingOf(t, filepath.Join(m.DataDir, "member"))
			result, err := restoreNow(t.Context(), t, o.snapshot, membersOf(c), restore.Options{MoveAside: true})
			if err != nil {
				t.Fatal(err)
			}
			made := result.Members[0]
			// Without the log there is still what the database has.
			if (made.OldRevision != 0) != (name == "cut log") || !strings.Contains(made.Unread, damage.says) {
				t.Errorf("old revision %d, unread: %q, want %q", made.OldRevision, made.Unread, damage.says)
			}
			same(t, filepath.Join(made.Aside, "member"), before)
			boots(t, c, o.keys)
		})
	}
}

// segmentOf is the one segment of a log.
func segmentOf(dir string) string {
	list, err := filepath.Glob(filepath.Join(dir, "member/wal/*.wal"))
	if err != nil || len(list) != 1 {
		return "no segment, or several"
	}
	return list[0]
}

// An old member without a log has it elsewhere, as far as anybody knows: beside a new database it would be read again.
func TestAsideWantsToKnowWhereTheLogIs(t *testing.T) {
	o := newOutdated(t)
	c := o.plan(t, etcdbed.Options{})
	m := c.Members[0]
	if err := os.RemoveAll(filepath.Join(m.DataDir, "member/wal")); err != nil {
		t.Fatal(err)
	}
	before := listingOf(t, m.DataDir)
	_, err := restoreNow(t.Context(), t, o.snapshot, membersOf(c), restore.Options{MoveAside: true})
	if err == nil || !strings.Contains(err.Error(), "--wal-dir") {
		t.Errorf("got %v, want a question for --wal-dir", err)
	}
	same(t, m.DataDir, before)
}

// What would come back by itself is not moved.
func TestAsideRefusesMountsInside(t *testing.T) {
	o := newOutdated(t)
	for _, name := range []string{"member", "member/wal", "member/snap"} {
		c := o.plan(t, etcdbed.Options{})
		dir := filepath.Join(c.Members[0].DataDir, name)
		if err := syscall.Mount(dir, dir, "", syscall.MS_BIND, ""); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { syscall.Unmount(dir, 0) })
		_, err := restoreNow(t.Context(), t, o.snapshot, membersOf(c), restore.Options{MoveAside: true})
		if err == nil || !strings.Contains(err.Error(), dir+" is a mount point") {
			t.Errorf("%s: got %v, want that it is a mount point", name, err)
		}
	}
}

// Who has opened the old database before it was moved would write to it, and to the new log.
func TestAsideSeesAnEtcdThatWaits(t *testing.T) {
	o := newOutdated(t)
	c := o.plan(t, etcdbed.Options{})
	m := c.Members[0]
	before := listingOf(t, m.DataDir)
	var waiting *os.File
	_, err := restoreNow(t.Context(), t, o.snapshot, membersOf(c), restore.Options{MoveAside: true, Step: func(what string) {
		if waiting == nil && strings.HasPrefix(what, "exchange ") {
			var err error
			if waiting, err = os.OpenFile(m.DB(), os.O_RDWR, 0); err != nil {
				t.Error(err)
			}
		}
	}})
	waiting.Close()
	if !errors.Is(err, etcdsnap.ErrInUse) {
		t.Errorf("got %v, want ErrInUse", err)
	}
	same(t, m.DataDir, before)
}

// An etcd that does not run as root has to be able to read and write all that it finds.
func TestOwnerAndDirectoryStay(t *testing.T) {
	const uid, gid = 4711, 4712
	o := newOutdated(t)
	for name, wal := range map[string]bool{"log inside": false, "log elsewhere": true} {
		t.Run(name, func(t *testing.T) {
			c := o.plan(t, etcdbed.Options{})
			member := membersOf(c)[0]
			dirs := []string{member.DataDir}
			if wal {
				member.WALDir = filepath.Join(t.TempDir(), "wal")
				if err := os.Rename(filepath.Join(member.DataDir, "member/wal"), member.WALDir); err != nil {
					t.Fatal(err)
				}
				dirs = append(dirs, member.WALDir)
			}
			if out, err := exec.Command("chown", append([]string{"-R", fmt.Sprintf("%d:%d", uid, gid)}, dirs...)...).CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			before, err := os.Stat(member.DataDir)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := restoreNow(t.Context(), t, o.snapshot, []restore.Member{member}, restore.Options{MoveAside: true}); err != nil {
				t.Fatal(err)
			}
			after, err := os.Stat(member.DataDir)
			if err != nil || !os.SameFile(before, after) || after.Mode() != fs.ModeDir|0o700 {
				t.Errorf("the data directory is another one, or of mode %v (%v)", after.Mode(), err)
			}
			for _, dir := range dirs {
				belongs(t, dir, uid, gid)
			}
		})
	}
}

// belongs holds that all is of one owner, and for nobody else.
func belongs(t testing.TB, dir string, uid, gid uint32) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		st := info.Sys().(*syscall.Stat_t)
		old := strings.Contains(path, "member.aside-") && strings.Contains(path, "/member/") // as etcd has made it
		if st.Uid != uid || st.Gid != gid || !old && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s is of mode %v, and of %d:%d", path, info.Mode(), st.Uid, st.Gid)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A mount point can't be renamed: what is in it is.
func TestAsideInAMountPoint(t *testing.T) {
	o := newOutdated(t)
	c := etcdbed.Plan(t, etcdbed.Options{})
	m := c.Members[0]
	m.DataDir = faults.SmallDisk(t, "1g")
	copyTree(t, o.member.DataDir, m.DataDir)
	if err := os.Mkdir(filepath.Join(m.DataDir, "lost+found"), 0o700); err != nil { // as an ext4 has
		t.Fatal(err)
	}
	before, err := os.Stat(m.DataDir)
	if err != nil {
		t.Fatal(err)
	}
	old := listingOf(t, filepath.Join(m.DataDir, "member"))
	result, err := restoreNow(t.Context(), t, o.snapshot, membersOf(c), restore.Options{MoveAside: true})
	if err != nil {
		t.Fatal(err)
	}
	if after, err := os.Stat(m.DataDir); err != nil || !os.SameFile(before, after) {
		t.Errorf("the mount point is another directory (%v)", err)
	}
	same(t, filepath.Join(result.Members[0].Aside, "member"), old)
	if got := boots(t, c, o.keys); got != result.Revision {
		t.Errorf("etcd starts at revision %d, not %d", got, result.Revision)
	}
}

// What can go wrong with the second member, when and how: the first one is as it was then.
var secondFails = map[string]struct {
	before func(m *restore.Member) error
	during func(m restore.Member, cancel context.CancelFunc) error // when the first one is about to be put in place
	want   error
}{
	"foreign file": {before: func(m *restore.Member) error {
		return errors.Join(os.Mkdir(m.DataDir, 0o700), os.WriteFile(filepath.Join(m.DataDir, "foreign"), nil, 0o600))
	}, want: fs.ErrExist},
	"a file":           {before: func(m *restore.Member) error { return os.WriteFile(m.DataDir, nil, 0o600) }, want: fs.ErrExist},
	"no parent":        {before: func(m *restore.Member) error { m.DataDir += "/missing/etcd"; return nil }, want: fs.ErrNotExist},
	"no parent of log": {before: func(m *restore.Member) error { m.WALDir = m.DataDir + "-log/missing/wal"; return nil }, want: fs.ErrNotExist},
	"appears meanwhile": {during: func(m restore.Member, _ context.CancelFunc) error {
		return errors.Join(os.Mkdir(m.DataDir, 0o700), os.WriteFile(filepath.Join(m.DataDir, "foreign"), nil, 0o600))
	}, want: fs.ErrExist},
	"parent goes meanwhile": {before: func(m *restore.Member) error {
		m.DataDir += "/etcd"
		return os.Mkdir(filepath.Dir(m.DataDir), 0o700)
	}, during: func(m restore.Member, _ context.CancelFunc) error {
		return os.RemoveAll(filepath.Dir(m.DataDir))
	}, want: fs.ErrNotExist},
	"canceled": {during: func(_ restore.Member, cancel context.CancelFunc) error { cancel(); return nil }, want: context.Canceled},
}

// Of members that are made in one call all are new afterwards, or none.
func TestSecondMemberFails(t *testing.T) {
	o := newOutdated(t)
	for name, fails := range secondFails {
		for where, wal := range map[string]bool{"": false, ", log of the first elsewhere": true} {
			t.Run(name+where, func(t *testing.T) {
				root := t.TempDir()
				members := []restore.Member{
					{Name: "m1", PeerURLs: []string{"https://127.0.0.1:1"}, DataDir: filepath.Join(root, "one", "etcd")},
					{Name: "m2", PeerURLs: []string{"https://127.0.0.1:2"}, DataDir: filepath.Join(root, "two")},
				}
				copyTree(t, o.member.DataDir, members[0].DataDir)
				if wal {
					members[0].WALDir = filepath.Join(root, "one", "wal")
					if err := os.Rename(filepath.Join(members[0].DataDir, "member/wal"), members[0].WALDir); err != nil {
						t.Fatal(err)
					}
				}
				secondFailsWith(t, o, name, members, fails.want)
				same(t, filepath.Join(root, "two"), listing{})
			})
		}
	}
}

// secondFailsWith holds that the first member is as it was, and nothing of the second is left. What the failure itself has made
// goes.
func secondFailsWith(t *testing.T, o *outdated, name string, members []restore.Member, want error) {
	t.Helper()
	fails, first, second := secondFails[name], filepath.Dir(members[0].DataDir), members[1].DataDir
	if fails.before != nil {
		if err := fails.before(&members[1]); err != nil {
			t.Fatal(err)
		}
	}
	before := listingOf(t, first)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	reached := fails.during == nil
	_, err := restoreNow(ctx, t, o.snapshot, members, restore.Options{MoveAside: true, Step: func(what string) {
		if strings.HasPrefix(what, "exchange ") {
			reached = true
			if err := fails.during(members[1], cancel); err != nil {
				t.Error(err)
			}
		}
	}})
	if !errors.Is(err, want) || !reached {
		t.Errorf("got %v, want %v; the first member was to be put in place: %v", err, want, reached)
	}
	same(t, first, before)
	if left := find(t, filepath.Dir(second), ".*"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if info, err := os.Stat(second); err == nil && !info.IsDir() {
		os.Remove(second)
	}
	os.Remove(filepath.Join(second, "foreign"))
	if err := os.MkdirAll(second, 0o700); err != nil {
		t.Fatal(err)
	}
}

// Two nodes make their parts of one cluster: the first one chooses token and revision.
func TestMembersMadeElsewhere(t *testing.T) {
	o := newOutdated(t)
	c := etcdbed.Plan(t, etcdbed.Options{Members: 3})
	part := func(here ...int) []restore.Member {
		list := make([]restore.Member, 0, 3)
		for _, m := range membersOf(c) {
			list = append(list, restore.Member{Name: m.Name, PeerURLs: m.PeerURLs})
		}
		for _, i := range here {
			list[i].DataDir = c.Members[i].DataDir
		}
		return list
	}
	first, err := restoreNow(t.Context(), t, o.snapshot, part(0), restore.Options{})
	if err != nil {
		t.Fatalf("the first of them, which chooses: %v", err)
	}
	if first.Members[0].DataDir == "" || first.Members[1].DataDir+first.Members[2].DataDir != "" {
		t.Errorf("the first call says that it made %+v", first.Members)
	}
	for name, opts := range map[string]restore.Options{
		"no revision": {ClusterToken: first.ClusterToken},
		"no token":    {Revision: first.Revision},
	} {
		if _, err := restoreNow(t.Context(), t, o.snapshot, part(1, 2), opts); err == nil {
			t.Errorf("%s: members that do not fit are made", name)
		}
	}
	second, err := restoreNow(t.Context(), t, o.snapshot, part(1, 2), restore.Options{ClusterToken: first.ClusterToken, Revision: first.Revision})
	if err != nil {
		t.Fatal(err)
	}
	if first.ClusterID != second.ClusterID || first.Revision != second.Revision {
		t.Errorf("cluster %s at %d, and %s at %d", first.ClusterID, first.Revision, second.ClusterID, second.Revision)
	}
	if got := boots(t, c, o.keys); got != first.Revision {
		t.Errorf("etcd starts at revision %d, not %d", got, first.Revision)
	}
	last := write(t, c, 10)
	hash, _ := c.Members[0].HashKV(t, last)
	for _, m := range c.Members[1:] {
		if other, _ := m.HashKV(t, last); other != hash {
			t.Errorf("%s has the hash %d, %s %d", m.Name, other, c.Members[0].Name, hash)
		}
	}
}
