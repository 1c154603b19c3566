package restore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

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
	old               *os.File   // its database, of these; nil if there is none
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
	mode    fs.FileMode // then
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
		if s.wal != nil { // which settling may have taken away
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
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return place{path: dir}, nil
	case err != nil:
		return place{}, err
	case !info.IsDir():
		return place{}, fmt.Errorf("%s: %w, and is no directory", dir, fs.ErrExist)
	}
	return place{path: dir, exists: true, mode: info.Mode().Perm()}, nil
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

// database is where etcd has it in a data directory.
func database(dir string) string { return filepath.Join(dir, "member", "snap", "db") }

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
