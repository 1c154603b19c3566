package restore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/clustersnap/clustersnap/etcdsnap"
	"github.com/clustersnap/clustersnap/internal/durable"
)

// site is where the data directory of one member goes. A directory that exists stays what it is, with its owner and whatever is
// mounted there: only etcd's "member" is put into it.
type site struct {
	name  string
	dir   place
	wal   *place // nil if the log is in the data directory
	logIn string // where, then
	// There is a member to be moved aside, or a log in wal.
	oldMember, oldLog bool
	held              []*os.File // locked
	database          *os.File   // the old one, of these; nil if there is none
	step              func(string)
	placed            func() error // takes back what place has done; nil before that

	oldRevision     int64
	unread          string
	aside, walAside string
}

// place is a directory that is there or not, and the partial in which its new content is made: inside of it, or beside.
type place struct {
	path    string // absolute, free of links
	exists  bool
	staging *os.File
}

// sites are as many as members, with nil for those that are made elsewhere.
type sites []*site

func openSites(members []Member, opts Options) (sites, error) {
	all := make(sites, len(members))
	paths := map[string]string{}
	for i, m := range members {
		if m.DataDir == "" {
			continue
		}
		s, err := newSite(m, opts)
		if err != nil {
			return all, fmt.Errorf("member %s: %w", m.Name, err)
		}
		all[i] = s
		for _, p := range s.places() {
			if other, ok := paths[p.path]; ok {
				return all, fmt.Errorf("members %s and %s share the directory %s", other, m.Name, p.path)
			}
			paths[p.path] = m.Name
		}
	}
	for _, s := range all {
		if s == nil {
			continue
		}
		if err := s.open(opts.MoveAside); err != nil {
			return all, fmt.Errorf("member %s: %w", s.name, err)
		}
	}
	return all, nil
}

// newSite finds out where the places of a member are.
func newSite(m Member, opts Options) (s *site, err error) {
	s = &site{name: m.Name, step: opts.Step, logIn: filepath.Join("member", "wal")}
	if s.step == nil {
		s.step = func(string) {}
	}
	if s.dir, err = findPlace(m.DataDir); err != nil || m.WALDir == "" {
		return s, err
	}
	wal, err := findPlace(m.WALDir)
	if err != nil {
		return s, err
	}
	switch in, err := filepath.Rel(s.dir.path, wal.path); {
	case err == nil && in == s.logIn:
	case err == nil && (in == "." || in == "member" || strings.HasPrefix(in, "member"+string(filepath.Separator))):
		return s, fmt.Errorf("the log can't be in %s: give it a directory of its own", wal.path)
	case err == nil && !s.dir.exists && filepath.IsLocal(in):
		s.logIn = in // it comes with the directory
	default:
		s.wal = &wal
	}
	return s, nil
}

// open makes the places ready for work.
func (s *site) open(moveAside bool) error {
	if s.dir.exists {
		f, err := holdDirectory(s.dir.path)
		if err != nil {
			return err
		}
		s.held = append(s.held, f)
		if err := settle(s.dir.path); err != nil {
			return err
		}
		if s.wal != nil { // which that may have taken away
			if *s.wal, err = findPlace(s.wal.path); err != nil {
				return err
			}
		}
	}
	if err := s.dir.stage("member"); err != nil {
		return err
	}
	if s.wal != nil {
		if err := s.wal.stage("wal"); err != nil {
			return err
		}
	}
	if err := s.look(moveAside); err != nil {
		return err
	}
	if s.wal == nil && !s.oldMember {
		return nil
	}
	return canExchange(s.dir.staging.Name())
}

func findPlace(dir string) (place, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return place{}, err
	}
	if dir, err = resolve(dir); err != nil {
		return place{}, err
	}
	if info, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return place{path: dir}, nil
	} else if err != nil {
		return place{}, err
	} else if !info.IsDir() {
		return place{}, fmt.Errorf("%s: %w, and is no directory", dir, fs.ErrExist)
	}
	return place{path: dir, exists: true}, nil
}

// resolve follows the links of a path, of which the end may not exist.
func resolve(path string) (string, error) {
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) || filepath.Dir(path) == path {
		return filepath.EvalSymlinks(path)
	}
	parent, err := resolve(filepath.Dir(path))
	return filepath.Join(parent, filepath.Base(path)), err
}

// stage makes the partial, which is named for name if it is inside.
func (p *place) stage(name string) (err error) {
	work := p.path
	if p.exists {
		work = filepath.Join(p.path, name)
		// It may have been made by one that was killed then.
		if err := durable.Sweep(p.path); err != nil {
			return err
		}
	}
	p.staging, err = durable.CreateDir(work)
	return err
}

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
		s.oldRevision = databaseRevision(s.db(s.dir.path))
	}
	s.database, err = holdDatabase(s.db(s.dir.path))
	if s.database != nil {
		s.held = append(s.held, s.database)
	}
	return err
}

// alone reports an etcd that has the old database open: one that was started meanwhile waits for its lock, and would go on with
// that database, wherever it has been moved, and with the new log.
func (s *site) alone() error {
	if s.database == nil {
		return nil
	}
	return alone(s.database)
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

func (s *site) db(dir string) string { return filepath.Join(dir, "member", "snap", "db") }

// data is the directory that is made.
func (s *site) data() string { return filepath.Join(s.dir.staging.Name(), "data") }

// log is the directory for the new log.
func (s *site) log() string {
	if s.wal != nil {
		return filepath.Join(s.wal.staging.Name(), "wal")
	}
	return filepath.Join(s.data(), s.logIn)
}

func (s *site) places() []*place {
	if s.wal != nil {
		return []*place{&s.dir, s.wal}
	}
	return []*place{&s.dir}
}

// place puts all of them where they belong, or none.
func (all sites) place(ctx context.Context) error {
	for _, s := range all {
		if s == nil {
			continue
		}
		err := context.Cause(ctx)
		if err == nil {
			s.placed, err = s.put()
		}
		if err != nil {
			return errors.Join(err, all.takeBack())
		}
	}
	for _, s := range all {
		if s != nil {
			s.finish()
		}
	}
	return nil
}

func (all sites) takeBack() (err error) {
	for _, s := range all {
		if s != nil && s.placed != nil {
			err = errors.Join(err, s.placed())
		}
	}
	return err
}

// close removes what was only needed to make them.
func (all sites) close() (err error) {
	for _, s := range all {
		if s == nil {
			continue
		}
		for _, f := range s.held {
			err = errors.Join(err, f.Close())
		}
		for _, p := range s.places() {
			if p.staging != nil {
				err = errors.Join(err, durable.Discard(p.staging))
			}
		}
	}
	return err
}
