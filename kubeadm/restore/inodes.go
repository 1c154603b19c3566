package restore

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// inodes are by what directories are known again after a rename: that something has left one place does not say that it has
// come to another. The numbers of devices are not among them, as the next boot may give others.
type inodes struct {
	Data uint64 `json:"data,omitempty"` // etcd's data directory
	New  uint64 `json:"new,omitempty"`  // the member that was staged
	Old  uint64 `json:"old,omitempty"`  // the member that was there, once etcd had stopped
}

// inodes are those that were noted.
func (r *record) inodes() (all inodes) {
	for _, l := range r.lines {
		if l.Inodes == nil {
			continue
		}
		all.Data = cmp.Or(l.Inodes.Data, all.Data)
		all.New = cmp.Or(l.Inodes.New, all.New)
		all.Old = cmp.Or(l.Inodes.Old, all.Old)
	}
	return all
}

// inodeOf is 0 for what is not there. A link is looked at itself.
func inodeOf(path string) (uint64, error) {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return inode(info)
}

// dataInode is that of the data directory, behind a link.
func (at places) dataInode() (uint64, error) {
	info, err := os.Stat(at.data)
	if err != nil {
		return 0, err
	}
	return inode(info)
}

// sameData is an error unless the data directory is the one in which the restore has its things. Where a file system is not
// mounted after a reboot there is another directory of that name, in which a member must neither be made nor missed.
func (r *record) sameData(at places) error {
	want := r.inodes().Data
	if want == 0 {
		return nil // nothing was made in it
	}
	is, err := at.dataInode()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if is != want {
		return fmt.Errorf("%s is not the directory that the restore has its data in: is its file system mounted?", at.data)
	}
	return nil
}

// members are the inodes of what is at the three places of a member, 0 where nothing is.
type members struct{ place, fresh, aside uint64 }

func (at places) members() (found members, err error) {
	for path, into := range map[string]*uint64{
		at.member(): &found.place, at.newMember(): &found.fresh, at.oldMember(): &found.aside,
	} {
		if *into, err = inodeOf(path); err != nil {
			return found, err
		}
	}
	return found, nil
}
