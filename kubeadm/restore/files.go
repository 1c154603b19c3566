package restore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"unicode/utf8"

	"github.com/clustersnap/clustersnap/internal/durable"
)

// broughtTree is the name of the source's tree in the directory that it has for itself.
const broughtTree = "files"

// maxFile bounds a file of the node's. Those of pkibundle have 1 MiB.
const maxFile = 16 << 20

// change is a file of the node's that takes the place of another one, or of none.
type change struct {
	Path   string `json:"path"` // on the node, relative to its root
	Create bool   `json:"create,omitempty"`
	// Inode and Modified, in nanoseconds, are what the new file is known by once it is staged: a number alone may be that of the
	// next file as soon as this one is removed.
	Inode    uint64 `json:"inode,omitempty"`
	Modified int64  `json:"modified,omitempty"`
}

// isAt reports whether it is the new file that is at a path.
func (c change) isAt(path string) (bool, error) {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	is, err := inode(info)
	return err == nil && is == c.Inode && info.ModTime().UnixNano() == c.Modified, err
}

// knownBy notes what is at a path for the new file.
func (c *change) knownBy(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	c.Modified = info.ModTime().UnixNano()
	c.Inode, err = inode(info)
	return err
}

// place is where the file goes, fresh where it lies until then, and aside where the old one goes.
func (c change) place(at places) string { return filepath.Join(at.root, c.Path) }

func (c change) fresh(p *Plan, at places) string { return c.beside(at, ".new-"+p.ID) }
func (c change) aside(p *Plan, at places) string { return c.beside(at, ".old-"+p.ID) }

func (c change) beside(at places, suffix string) string {
	dir, name := filepath.Split(c.place(at))
	return filepath.Join(dir, "."+name+suffix)
}

// stageFiles has the source give the node's files, and writes those that differ beside their places.
func (m *machine) stageFiles(ctx context.Context) ([]change, error) {
	if err := m.unstageFiles(); err != nil { // of a run that was interrupted, maybe with another source
		return nil, err
	}
	if m.src.Files == nil {
		return nil, m.noneLost()
	}
	tree, err := m.bring(ctx)
	if err != nil {
		return nil, err
	}
	changes, made, err := m.compare(tree)
	if err != nil {
		return nil, err
	}
	note := line{Step: stepStage, State: noted, Files: changes, Made: made}
	if err := m.tell(note); err != nil { // before anything is written outside of the directory of the journal
		return nil, err
	}
	for _, dir := range made {
		if err := copyDir(filepath.Join(tree, dir), filepath.Join(m.at.root, dir)); err != nil {
			return nil, err
		}
	}
	if err := m.writeFresh(tree, changes); err != nil {
		return nil, err
	}
	if err := m.stageManifests(tree); err != nil {
		return nil, err
	}
	return changes, os.RemoveAll(m.at.brought) // copies of keys
}

// bring makes the source's files, in a directory where it can leave what it wants when it is interrupted.
func (m *machine) bring(ctx context.Context) (tree string, err error) {
	m.host.Changed("make " + m.at.brought)
	if err := os.Mkdir(m.at.brought, 0o700); err != nil {
		return "", err
	}
	parent, err := os.OpenRoot(m.at.brought)
	if err != nil {
		return "", err
	}
	err = m.src.Files(ctx, parent, broughtTree)
	return filepath.Join(m.at.brought, broughtTree), errors.Join(err, parent.Close())
}

// writeFresh writes the files beside their places, and notes how they are known again.
func (m *machine) writeFresh(tree string, changes []change) error {
	dirs := map[string]bool{}
	for i, c := range changes {
		fresh := c.fresh(m.plan, m.at)
		m.host.Changed("write " + fresh)
		if err := copyFile(filepath.Join(tree, c.Path), fresh); err != nil {
			return err
		}
		if err := changes[i].knownBy(fresh); err != nil {
			return err
		}
		dirs[filepath.Dir(fresh)] = true
	}
	for dir := range dirs {
		if err := durable.Sync(dir); err != nil {
			return err
		}
	}
	return nil
}

// unstageFiles removes what stageFiles has made. What the node uses now was renamed back before.
func (m *machine) unstageFiles() error {
	changes, made := m.begunFiles()
	errs := []error{os.RemoveAll(m.at.brought)}
	for _, c := range changes {
		errs = append(errs, remove(c.fresh(m.plan, m.at)))
	}
	for _, one := range m.plan.pods() { // those that only the source has
		if !m.was.names(one) {
			errs = append(errs, remove(m.held(one)))
		}
	}
	for _, dir := range slices.Backward(made) {
		errs = append(errs, removeEmpty(filepath.Join(m.at.root, dir)))
	}
	return errors.Join(errs...)
}

// compare lists the files of the tree that differ from those of the node, and the directories that the node lacks.
func (m *machine) compare(tree string) (changes []change, made []string, err error) {
	err = filepath.WalkDir(tree, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(tree, name)
		if err != nil || rel == "." || m.isManifest(rel) {
			return err
		}
		if err := m.takes(rel); err != nil {
			return err
		}
		there, err := os.Lstat(filepath.Join(m.at.root, rel))
		lacks := errors.Is(err, fs.ErrNotExist)
		if err != nil && !lacks {
			return err
		}
		if e.IsDir() {
			if lacks {
				made = append(made, rel)
			} else if there, err = os.Stat(filepath.Join(m.at.root, rel)); err != nil || !there.IsDir() {
				return fmt.Errorf("/%s is no directory on the node, and is one in the backup: move it away", rel)
			}
			return nil
		}
		if lacks {
			changes = append(changes, change{Path: rel, Create: true})
			return nil
		}
		if there.IsDir() {
			return fmt.Errorf("/%s is a directory on the node, and is a file in the backup: move it away", rel)
		}
		same, err := sameFile(name, filepath.Join(m.at.root, rel))
		if err == nil && !same {
			changes = append(changes, change{Path: rel})
		}
		return err
	})
	return changes, made, err
}

// takes refuses a name that a file of the node's can't have: the journal could not hold it, or it is a place of the restore's
// own, or leads out of the root.
func (m *machine) takes(rel string) error {
	if !utf8.ValidString(rel) {
		return fmt.Errorf("the source has a file whose name is not UTF-8: %q", rel)
	}
	place := filepath.Join(m.at.root, rel)
	for _, own := range []string{m.at.data, m.at.state, m.at.hold} {
		if within, err := filepath.Rel(own, place); err == nil && filepath.IsLocal(within) {
			return fmt.Errorf("the source brings /%s, and %s is the restore's own", rel, own)
		}
	}
	return m.at.inRoot(filepath.Dir(place))
}

// noneLost sees that the node has all manifests.
func (m *machine) noneLost() error {
	for _, one := range m.plan.pods() {
		if !m.was.names(one) {
			return fmt.Errorf("the node has lost /%s: have Files bring it", one.manifest)
		}
	}
	return nil
}

func (m *machine) isManifest(rel string) bool {
	return slices.ContainsFunc(m.plan.pods(), func(one pod) bool { return one.manifest == filepath.ToSlash(rel) })
}

// stageManifests writes those that the node has lost to where its own are while they may not run.
func (m *machine) stageManifests(tree string) error {
	for _, one := range m.plan.pods() {
		if m.was.names(one) {
			continue
		}
		if err := m.makeHold(); err != nil {
			return err
		}
		from := filepath.Join(tree, one.manifest)
		if !exists(from) {
			return fmt.Errorf("neither the node nor the source has %s", one.manifest)
		}
		if err := copyFile(from, m.held(one)); err != nil {
			return err
		}
		if err := durable.Sync(m.at.hold); err != nil {
			return err
		}
	}
	return nil
}
