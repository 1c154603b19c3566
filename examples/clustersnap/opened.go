package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"filippo.io/age"

	"github.com/clustersnap/clustersnap"
	"github.com/clustersnap/clustersnap/kubeadm"
)

// openSet opens an encrypted set. The caller closes the file, after the last read.
func openSet(name string, identities []age.Identity) (*clustersnap.Set, *os.File, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, nil, err
	}
	set, err := decrypt(f, identities)
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("open %s: %w", name, err), f.Close())
	}
	return set, f, nil
}

func decrypt(f *os.File, identities []age.Identity) (*clustersnap.Set, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	plain, size, err := age.DecryptReaderAt(f, info.Size(), clone(identities)...)
	var other *age.NoIdentityMatchError
	if errors.As(err, &other) {
		return nil, fmt.Errorf("the identity does not fit: the file was made for other recipients (%d): give the identity of one of them", len(other.StanzaTypes))
	}
	if err != nil {
		return nil, err
	}
	return clustersnap.Open(plain, size)
}

// openSnapshot reads the snapshot of a set. The caller closes it.
func openSnapshot(set *clustersnap.Set) (io.ReadCloser, error) {
	member, err := set.Open(etcdMember)
	if err != nil {
		return nil, err
	}
	plain, err := clustersnap.Decompress(member)
	if err != nil {
		return nil, errors.Join(err, member.Close())
	}
	return struct {
		io.Reader
		io.Closer
	}{plain, closers{plain, member}}, nil
}

type closers []io.Closer

func (c closers) Close() error {
	var errs []error
	for _, one := range c {
		errs = append(errs, one.Close())
	}
	return errors.Join(errs...)
}

// readNode reads what the backup was made from.
func readNode(set *clustersnap.Set) (*kubeadm.Node, error) {
	b, err := fs.ReadFile(set, nodeMember)
	if err != nil {
		return nil, err
	}
	var node kubeadm.Node
	if err := json.Unmarshal(b, &node); err != nil {
		return nil, fmt.Errorf("read %s: %w", nodeMember, err)
	}
	return &node, nil
}

// describe reads what the writer said of a member.
func describe(set *clustersnap.Set, name string, into any) error {
	for _, m := range set.Members() {
		if m.Name == name {
			if err := json.Unmarshal(m.Description, into); err != nil {
				return fmt.Errorf("read description of %s: %w", name, err)
			}
			return nil
		}
	}
	return fmt.Errorf("member %s: %w", name, fs.ErrNotExist)
}
