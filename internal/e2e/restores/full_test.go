package restores

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/clustersnap/clustersnap/etcdsnap/restore"
	"github.com/clustersnap/clustersnap/internal/e2e/faults"
)

// crowded is a restore to a disk of its own, beside old members or in empty directories.
type crowded struct {
	old     bool
	members int
	wal     bool // what is on the disk is the log alone
	last    bool // find the size for which only the last bytes do not fit
}

var crowds = map[string]crowded{
	"old member":                {old: true, members: 1},
	"empty directory":           {members: 1},
	"three old members":         {old: true, members: 3, last: true},
	"three empty directories":   {members: 3},
	"old log on its own disk":   {old: true, members: 1, wal: true},
	"empty log on its own disk": {members: 1, wal: true, last: true},
}

// Whatever does not fit any more: the old state stays, and nothing else.
func TestDiskFull(t *testing.T) {
	o := newOutdated(t)
	for name, c := range crowds {
		t.Run(name, func(t *testing.T) {
			const most = 512 << 10 // KiB
			full, fits := 0, most
			for _, size := range []int{64, 128, 256, 512, 1 << 10, 16 << 10, 128 << 10, 144 << 10, 256 << 10, 288 << 10, most} {
				if !c.fits(t, o, size) {
					full = size
					continue
				}
				fits = min(fits, size)
				break
			}
			if full == 0 || fits == most {
				t.Errorf("it fits into %d KiB, and not into %d", fits, full)
			}
			for c.last && fits-full > 4 {
				if half := (full + fits) / 2; c.fits(t, o, half) {
					fits = half
				} else {
					full = half
				}
			}
			t.Logf("%d KiB are too few, %d enough", full, fits)
		})
	}
}

// fits reports whether a restore finds enough room beside the old members, which have theirs.
func (c crowded) fits(t *testing.T, o *outdated, size int) (ok bool) {
	t.Run(fmt.Sprint(size, "k"), func(t *testing.T) {
		used := 0
		if c.old {
			used = c.members * int(takes(t, o.member.DataDir)>>10)
		}
		disk := faults.SmallDisk(t, fmt.Sprint(size+used, "k"))
		members := c.place(t, o, disk)
		listings := listingsOf(t, members)
		result, err := restoreNow(t.Context(), t, o.snapshot, members, restore.Options{MoveAside: true})
		if ok = err == nil; !ok {
			unchanged(t, members, listings, err)
			return
		}
		for _, m := range members {
			starts(t, m, result.Revision)
		}
	})
	return ok
}

// place makes what is there before.
func (c crowded) place(t testing.TB, o *outdated, disk string) (members []restore.Member) {
	t.Helper()
	for i := range c.members {
		m := restore.Member{
			Name: fmt.Sprint("m", i), PeerURLs: []string{fmt.Sprint("https://127.0.0.1:", i+1)}, DataDir: filepath.Join(disk, fmt.Sprint("m", i)),
		}
		if c.wal {
			m.DataDir, m.WALDir = filepath.Join(t.TempDir(), "etcd"), disk
		}
		if err := os.MkdirAll(m.DataDir, 0o700); err != nil {
			t.Fatal(err)
		}
		members = append(members, m)
		if !c.old {
			continue
		}
		copyTree(t, o.member.DataDir, m.DataDir)
		if inside := filepath.Join(m.DataDir, "member", "wal"); c.wal {
			copyTree(t, inside, m.WALDir)
			if err := os.RemoveAll(inside); err != nil {
				t.Fatal(err)
			}
		}
	}
	return members
}

// takes is what a copy of a directory takes.
func takes(t testing.TB, dir string) (size int64) {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy")
	copyTree(t, dir, to)
	for name := range listingOf(t, to) {
		info, err := os.Stat(filepath.Join(to, name))
		if err != nil {
			t.Fatal(err)
		}
		size += info.Sys().(*syscall.Stat_t).Blocks * 512
	}
	return size
}

// listingsOf are those of all directories of members.
func listingsOf(t testing.TB, members []restore.Member) map[string]listing {
	t.Helper()
	listings := map[string]listing{}
	for _, m := range members {
		for _, dir := range []string{m.DataDir, m.WALDir} {
			if dir != "" {
				listings[dir] = listingOf(t, dir)
			}
		}
	}
	return listings
}

// unchanged holds that a restore failed for want of room, and has left all as it was.
func unchanged(t testing.TB, members []restore.Member, listings map[string]listing, err error) {
	t.Helper()
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), members[0].DataDir) {
		t.Errorf("got %v, want ENOSPC", err)
	}
	for dir, before := range listings {
		same(t, dir, before)
		if left := find(t, filepath.Dir(dir), ".*"); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	}
}

// starts holds that a member is a new one, with a log that fits.
func starts(t testing.TB, m restore.Member, revision int64) {
	t.Helper()
	s := scene{scenario: scenario{wal: m.WALDir != ""}}
	if got := s.state(t, m, revision); got != isNew {
		t.Errorf("%s is %s, want it to be new", m.DataDir, got)
	}
}

// The disk becomes full right before each step: what still goes, with names alone, may succeed.
func TestDiskFullBeforeEachStep(t *testing.T) {
	o := newOutdated(t)
	for name, c := range crowds {
		t.Run(name, func(t *testing.T) {
			steps, failed := 1, 0
			for n := 1; n <= steps; n++ {
				t.Run(fmt.Sprint(n), func(t *testing.T) {
					disk := faults.SmallDisk(t, "320m")
					members := c.place(t, o, disk)
					listings := listingsOf(t, members)
					steps = 0
					result, err := restoreNow(t.Context(), t, o.snapshot, members, restore.Options{MoveAside: true, Step: func(what string) {
						if steps++; steps == n {
							t.Logf("full before: %s", strings.ReplaceAll(what, disk, ""))
							occupy(t, filepath.Join(disk, "lost+found"))
						}
					}})
					os.RemoveAll(filepath.Join(disk, "lost+found"))
					if err != nil {
						failed++
						unchanged(t, members, listings, err)
						steps = max(steps, n+1) // there may be more
						return
					}
					for _, m := range members {
						starts(t, m, result.Revision)
					}
				})
			}
			if failed == 0 {
				t.Error("no restore failed")
			}
		})
	}
}

// occupy takes all the room that is left.
func occupy(t testing.TB, dir string) {
	t.Helper()
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(filepath.Join(dir, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for end, size := int64(0), int64(1<<30); size >= int64(os.Getpagesize()); {
		if err := syscall.Fallocate(int(f.Fd()), 0, end, size); err != nil {
			size /= 2
		} else {
			end += size
		}
	}
}
