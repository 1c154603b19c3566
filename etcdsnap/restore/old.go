package restore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/clustersnap/clustersnap/etcdsnap"
)

// asides is how a directory begins that an old member was moved to, and an old log.
const asides = "member.aside-"

// look finds out what is there already.
func (s *site) look(moveAside bool) error {
	if s.dir.exists {
		list, err := os.ReadDir(s.dir.path)
		if err != nil {
			return err
		}
		for _, e := range list {
			path := filepath.Join(s.dir.path, e.Name())
			switch {
			case e.Name() == "lost+found", strings.HasPrefix(e.Name(), asides), path == s.dir.staging.Name(), s.wal != nil && path == s.wal.path:
			case s.wal != nil && path == s.wal.staging.Name():
			case e.Name() == "member" && e.IsDir() && moveAside:
				s.oldMember = true
			default:
				return fmt.Errorf("%s: %w, and holds %s: have it moved aside, or do so, and keep it until the restored cluster works", s.dir.path, fs.ErrExist, e.Name())
			}
		}
	}
	if s.wal != nil && s.wal.exists {
		logs, err := filepath.Glob(filepath.Join(escape(s.wal.path), "*.wal"))
		if err != nil {
			return err
		}
		if len(logs) > 0 && !moveAside {
			return fmt.Errorf("%s: %w, and holds a log: have it moved aside, or do so, and keep it until the restored cluster works", s.wal.path, fs.ErrExist)
		}
		s.oldLog = len(logs) > 0
		if err := s.holdLog(logs); err != nil {
			return err
		}
	}
	if s.oldLog && !s.oldMember {
		s.unread = "there is a log, and no database to it"
	}
	if !s.oldMember {
		return nil
	}
	return s.hold()
}

// holdLog keeps other restores from a directory with a log, and finds out whether an etcd has the log open.
func (s *site) holdLog(logs []string) error {
	f, err := holdDirectory(s.wal.path)
	if err != nil {
		return err
	}
	s.held = append(s.held, f)
	for _, path := range logs {
		f, err := holdSegment(path)
		if err != nil {
			return err
		}
		s.held = append(s.held, f)
	}
	return nil
}

// escape makes a path one that matches itself alone.
func escape(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// hold reads what the old member's clients have seen, and keeps etcd from starting there meanwhile.
func (s *site) hold() error {
	member := filepath.Join(s.dir.path, "member")
	for _, path := range []string{member, filepath.Join(member, "wal"), filepath.Join(member, "snap")} {
		if isMountPoint(path) {
			return fmt.Errorf("%s is a mount point, and would come back over the new member: unmount it, or move it aside yourself", path)
		}
	}
	opts := etcdsnap.StoppedOptions{}
	if s.oldLog {
		opts.WALDir = s.wal.path
	}
	inside, err := filepath.Glob(filepath.Join(escape(member), "wal", "*.wal"))
	if err != nil {
		return err
	}
	if s.wal == nil && len(inside) == 0 {
		// An etcd that finds an old log beside a new database destroys data without a word.
		return fmt.Errorf("%s has no log: if etcd runs with --wal-dir, give that, and if the log is lost, move the member aside yourself", member)
	}
	s.oldRevision, err = etcdsnap.LastRevision(s.dir.path, opts)
	if errors.Is(err, etcdsnap.ErrInUse) {
		return err
	}
	if err != nil {
		s.unread = err.Error()
		s.oldRevision = databaseRevision(database(s.dir.path))
	}
	s.old, err = holdDatabase(database(s.dir.path))
	if s.old != nil {
		s.held = append(s.held, s.old)
	}
	return err
}

// alone reports an etcd that has the old database open: one that was started meanwhile waits for its lock, and would go on with
// that database, wherever it has been moved, and with the new log.
func (s *site) alone() error {
	if s.old == nil {
		return nil
	}
	return alone(s.old)
}

// databaseRevision is better than nothing where the log can't be read, and 0 where the database can't either.
func databaseRevision(path string) int64 {
	f, err := os.Open(path)
	if err != nil {
		return 0
	}
	defer f.Close()
	stat, err := f.Stat()
	if err != nil {
		return 0
	}
	snapshot, err := etcdsnap.Open(f, stat.Size())
	if err != nil {
		return 0
	}
	return snapshot.Revision()
}
