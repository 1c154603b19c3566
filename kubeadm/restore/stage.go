package restore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/clustersnap/clustersnap/internal/durable"
)

// stage makes the new data and files, beside the old ones and while those are in use.
func (m *machine) stage(ctx context.Context) (line, error) {
	changes, err := m.stageFiles(ctx)
	if err != nil {
		return line{}, err
	}
	if err := m.getsIn(m.after(changes)); err != nil {
		return line{}, err
	}
	staged, err := m.stageData(ctx)
	if err != nil {
		return line{}, err
	}
	if m.was.API && staged.ClusterUID != m.was.UID {
		return line{}, fmt.Errorf("the snapshot is of another cluster: its kube-system has uid %s, and that of the running one is %s: "+
			"give a backup of this one, or stop its kube-apiserver first if the node is to be of the other", staged.ClusterUID, m.was.UID)
	}
	member, err := inodeOf(m.at.newMember())
	return line{Staged: staged, Files: changes, Inodes: &inodes{New: member}, Last: m.last}, err
}

// stageData has the source make the data directory.
func (m *machine) stageData(ctx context.Context) (*Staged, error) {
	if err := m.noteData(); err != nil {
		return nil, err
	}
	dir := filepath.Join(m.at.own, "new")
	m.host.Changed("make " + dir)
	if err := mkdirFor(m.at.own, m.at.data); err != nil {
		return nil, err
	}
	if err := os.RemoveAll(dir); err != nil { // of a run that was interrupted
		return nil, err
	}
	if err := mkdirFor(dir, m.at.data); err != nil {
		return nil, err
	}
	m.last = m.was.Revision
	if m.was.Etcd { // it may be a day later
		now := &was{}
		m.askEtcd(ctx, m.plan, now)
		m.last = max(m.last, now.Revision)
	}
	staged, err := m.src.Stage(ctx, dir, m.last)
	if err != nil {
		return nil, err
	}
	if err := staged.check(m.plan); err != nil {
		return nil, err
	}
	if err := openCheck(m.at.newMember()); err != nil {
		return nil, err
	}
	if err := m.plan.withinQuota(filepath.Join(m.at.newMember(), "snap", "db")); err != nil {
		return nil, err
	}
	return &staged, errors.Join(durable.Sync(dir), durable.Sync(m.at.own), durable.Sync(m.at.data))
}

// noteData makes the data directory if there is none, and notes which one it is.
func (m *machine) noteData() error {
	if err := m.sameData(m.at); err != nil {
		return err
	}
	if err := makeAll(m.at.data); err != nil {
		return err
	}
	is, err := m.at.dataInode()
	if err != nil || is == m.inodes().Data {
		return err
	}
	return m.tell(line{Step: stepStage, State: noted, Inodes: &inodes{Data: is}})
}

// makeAll makes a directory and those above it, all of them on disk.
func makeAll(dir string) error {
	from := filepath.Dir(nearest(dir))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for above := filepath.Dir(dir); above != from; above = filepath.Dir(above) {
		if err := durable.Sync(above); err != nil {
			return err
		}
	}
	return nil
}

// openCheck sees that a member is whole enough for etcd not to begin an empty one in its place, and that nobody has it open.
func openCheck(member string) error {
	logs, err := filepath.Glob(filepath.Join(member, "wal", "*.wal"))
	if err != nil {
		return err
	}
	if len(logs) == 0 {
		return fmt.Errorf("stage has made no log in %s", filepath.Join(member, "wal"))
	}
	db, err := lockDatabase(filepath.Join(member, "snap", "db"))
	if err != nil {
		return fmt.Errorf("stage has made no database: %w", err)
	}
	info, err := db.Stat()
	if err == nil && (!info.Mode().IsRegular() || info.Size() == 0) {
		err = fmt.Errorf("stage has made no database: %s is empty", db.Name())
	}
	return errors.Join(err, db.Close())
}

// errInUse says that etcd has its database open.
var errInUse = errors.New("etcd has its database open")

// lockDatabase takes bbolt's lock, which a running etcd has, and gives the file that it goes with.
func lockDatabase(path string) (*os.File, error) {
	db, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	free, err := durable.Lock(db)
	if err == nil && !free {
		err = errInUse
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// tidy removes what is of no use once all is in its place: empty directories.
func (m *machine) tidy() error {
	return errors.Join(removeEmpty(filepath.Join(m.at.own, "new")), removeEmpty(m.at.own), removeEmpty(m.at.hold))
}

// unstage removes what stage has made, and nothing else: what it has made and the node used was renamed back before.
func (m *machine) unstage() error {
	m.host.Changed("remove what was staged")
	is, err := inodeOf(m.at.newMember())
	if err != nil {
		return err
	}
	if staged := m.inodes().New; staged != 0 && is != 0 && is != staged {
		return fmt.Errorf("%s is not what was staged: move it away, it is somebody's", m.at.newMember())
	}
	return errors.Join(
		m.unstageFiles(), os.RemoveAll(filepath.Join(m.at.own, "new")), removeEmpty(filepath.Join(m.at.own, "old")),
		removeEmpty(m.at.own), removeEmpty(m.at.hold))
}

// remove removes one file that may have gone before.
func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// removeEmpty removes a directory unless something is in it, which is somebody's.
func removeEmpty(dir string) error {
	list, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) || len(list) > 0 {
		return nil
	}
	if err != nil {
		return err
	}
	return remove(dir)
}
