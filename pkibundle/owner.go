package pkibundle

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// nameOwners gives the owners their names.
func (c *collector) nameOwners(b *Bundle) error {
	users, err := accounts(c.node, "etc/passwd")
	if err != nil {
		return err
	}
	groups, err := accounts(c.node, "etc/group")
	if err != nil {
		return err
	}
	name := func(o *Owner) { o.User, o.Group = nameOf(users, o.UID), nameOf(groups, o.GID) }
	for i := range b.Files {
		name(&b.Files[i].Owner)
	}
	for i := range b.Directories {
		name(&b.Directories[i].Owner)
	}
	return nil
}

// account is a user or a group.
type account struct {
	name string
	id   int
}

// accounts reads a file as passwd(5) and group(5) have it; none if there is no such file.
func accounts(node fs.FS, file string) ([]account, error) {
	f, err := node.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("names of owners: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFileSize))
	if err != nil {
		return nil, fmt.Errorf("names of owners: %w", err)
	}
	var found []account
	for line := range strings.Lines(string(data)) {
		fields := strings.Split(strings.TrimSpace(line), ":")
		if len(fields) < 3 || !isAccount(fields[0]) {
			continue
		}
		if id, err := strconv.Atoi(fields[2]); err == nil && isID(id) {
			found = append(found, account{fields[0], id})
		}
	}
	return found, nil
}

// nameOf gives the first name of a number, as getpwuid(3) does; "" if it has none.
func nameOf(all []account, id int) string {
	if i := slices.IndexFunc(all, func(a account) bool { return a.id == id }); i >= 0 {
		return all[i].name
	}
	return ""
}

// idOf gives the number of a name, or else the fallback.
func idOf(all []account, name string, fallback int) int {
	if i := slices.IndexFunc(all, func(a account) bool { return a.name == name }); i >= 0 && name != "" {
		return all[i].id
	}
	return fallback
}

// isAccount holds a name against what useradd(8) allows, and a little more.
func isAccount(name string) bool {
	return name != "" && len(name) <= 256 && printable(name) && !strings.ContainsAny(name, ":/ ")
}

// directories says of each directory that holds a file whose it is.
func (c *collector) directories(b *Bundle) error {
	for _, dir := range parents(b.Files) {
		info, err := c.node.Lstat(dir)
		if err != nil {
			return err
		}
		if !info.IsDir() {
			return fmt.Errorf("%s was a directory when its files were read: collect again", dir)
		}
		b.Directories = append(b.Directories, Directory{Path: dir, Mode: info.Mode().Perm(), Owner: owner(info)})
	}
	return nil
}

// parents are the directories of files, and theirs, sorted.
func parents(files []File) []string {
	var found []string
	for _, f := range files {
		for dir := path.Dir(f.Path); dir != "." && dir != "/"; dir = path.Dir(dir) {
			found = append(found, dir)
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}
