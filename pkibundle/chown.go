package pkibundle

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// owners gives files to whom they belong on this machine.
type owners struct {
	keep          bool
	users, groups []account
}

func newOwners(opts ExtractOptions) (*owners, error) {
	names := opts.Names
	if names == nil {
		names = os.DirFS("/")
	}
	if opts.AsCaller {
		return &owners{keep: true}, nil
	}
	users, err := accounts(names, "etc/passwd")
	if err != nil {
		return nil, err
	}
	groups, err := accounts(names, "etc/group")
	return &owners{users: users, groups: groups}, err
}

// give calls chown with the numbers that an owner has here.
func (o *owners) give(chown func(name string, uid, gid int) error, name string, to Owner) error {
	if o.keep {
		return nil
	}
	ids := o.of(to)
	err := chown(name, ids[0], ids[1])
	if errors.Is(err, fs.ErrPermission) {
		err = fmt.Errorf("%w: run as root, or have all files be yours", err)
	}
	return err
}

// of gives the numbers of a user and a group: by name, or else those that they had.
func (o *owners) of(owner Owner) [2]int {
	return [2]int{idOf(o.users, owner.User, owner.UID), idOf(o.groups, owner.Group, owner.GID)}
}
