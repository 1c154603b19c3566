package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/clustersnap/clustersnap/kubeadm"
	"github.com/clustersnap/clustersnap/pkibundle"
)

// putFiles writes what the machine lacks. A file that it has and that is another one is an error, before anything is written.
func putFiles(root string, b *pkibundle.Bundle) (made []string, err error) {
	node := kubeadm.NodeFS(root)
	changes, err := pkibundle.Changes(node, b)
	if err != nil {
		return nil, err
	}
	for _, c := range changes {
		if !c.Create {
			return nil, fmt.Errorf("/%s is there, and is another one than the backup's (%s): move it away", c.Path,
				strings.Join(c.Differs, ", "))
		}
	}
	parent, err := os.OpenRoot(root)
	if err != nil {
		return nil, err
	}
	defer parent.Close()
	for _, d := range b.Directories {
		if err := parent.Mkdir(d.Path, d.Mode.Perm()); err != nil && !errors.Is(err, fs.ErrExist) {
			return made, err
		}
	}
	for _, f := range b.Files {
		if !slices.ContainsFunc(changes, func(c pkibundle.Change) bool { return c.Path == f.Path }) {
			continue // a call before has written it
		}
		if err := putFile(parent, f); err != nil {
			return made, fmt.Errorf("write /%s: %w", f.Path, err)
		}
		made = append(made, "/"+f.Path)
	}
	return made, nil
}

// putFile writes one file under its name once it is whole.
func putFile(root *os.Root, f pkibundle.File) error {
	dir, name := path.Split(f.Path)
	fresh := dir + ".clustersnap-" + name
	if err := root.Remove(fresh); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	w, err := root.OpenFile(fresh, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = w.Write(f.Data)
	err = errors.Join(err, w.Chown(f.Owner.UID, f.Owner.GID), w.Chmod(f.Mode.Perm()), w.Sync(), w.Close())
	if err != nil {
		return errors.Join(err, root.Remove(fresh))
	}
	return root.Rename(fresh, f.Path)
}
