package restore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/clustersnap/clustersnap/internal/durable"
)

// swap moves the old member aside and the new one into its place, and files that differ likewise. How far a swap is that
// was interrupted, is seen by the inodes of what is where. Nothing outside of the data directory is renamed into it, as that
// may be a mount point.
func (m *machine) swap(ctx context.Context) (line, error) {
	if err := m.waitEnded(ctx); err != nil { // it may be a day later
		return line{}, err
	}
	if err := m.swapMember(); err != nil {
		return line{}, err
	}
	return line{}, m.swapFiles()
}

func (m *machine) swapMember() error {
	is, err := m.at.members()
	staged := m.inodes().New
	if err != nil || is.place == staged {
		return err
	}
	if is.fresh != staged {
		return fmt.Errorf("%s, which was staged, is neither there nor in its place: something has removed it", m.at.newMember())
	}
	if !m.is(stepSwap, noted) {
		if err := m.tell(line{Step: stepSwap, State: noted, Inodes: &inodes{Old: is.place}}); err != nil {
			return err
		}
	}
	old := m.inodes().Old
	switch {
	case is.place != 0 && is.place != old:
		return fmt.Errorf("a second member has come to %s: something has started etcd: stop that", m.at.member())
	case is.place == 0 && is.aside != old:
		return m.oldGone()
	case is.place != 0:
		if err := m.moveAside(); err != nil {
			return err
		}
	}
	m.host.Changed("move into place " + m.at.member())
	return move(m.at.newMember(), m.at.member())
}

// inPlace sees that an etcd which starts now starts with what was staged.
func (m *machine) inPlace() error {
	is, err := inodeOf(m.at.member())
	if err == nil && is != m.inodes().New {
		err = fmt.Errorf("%s is not what was restored: is the file system of %s mounted?", m.at.member(), m.at.data)
	}
	return err
}

func (m *machine) oldGone() error {
	return fmt.Errorf("the old member is neither %s nor %s any more: something has moved it: put it back to the first one",
		m.at.member(), m.at.oldMember())
}

func (m *machine) moveAside() error {
	// While this is held an etcd that comes back waits, and has not read what goes aside. One that waits already has the file
	// open, and would go on with that once it is let: it has a manifest, or a port.
	db, err := lockDatabase(m.at.database())
	if err == nil {
		defer db.Close()
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := m.fenced(programs()...); err != nil {
		return err
	}
	if err := mkdirFor(filepath.Dir(m.at.oldMember()), m.at.data); err != nil {
		return err
	}
	if err := durable.Sync(m.at.own); err != nil {
		return err
	}
	m.host.Changed("move aside " + m.at.member())
	return move(m.at.member(), m.at.oldMember())
}

// unswap takes it back. Etcd has stopped.
func (m *machine) unswap() error {
	if err := m.unswapFiles(); err != nil {
		return err
	}
	if !exists(m.at.own) { // and with it what was moved aside
		return fmt.Errorf("%s is not there: is the file system of %s mounted?", m.at.own, m.at.data)
	}
	is, err := m.at.members()
	if err != nil {
		return err
	}
	known := m.inodes()
	if is.place != 0 && is.place == known.New {
		m.host.Changed("take away " + m.at.member())
		if err := move(m.at.member(), m.at.newMember()); err != nil {
			return err
		}
		is.place = 0
	}
	switch {
	case is.place != 0 && is.aside != 0:
		return fmt.Errorf("a second member has come to %s: something has started etcd: stop that, and move it away", m.at.member())
	case is.aside != 0:
		m.host.Changed("move back " + m.at.member())
		if err := move(m.at.oldMember(), m.at.member()); err != nil {
			return err
		}
	case is.place == 0 && known.Old != 0:
		return m.oldGone()
	}
	return durable.Sync(m.at.data)
}
