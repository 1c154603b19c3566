package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"os"

	"filippo.io/age"
	"github.com/spf13/cobra"

	"github.com/clustersnap/clustersnap"
	"github.com/clustersnap/clustersnap/examples/store"
	"github.com/clustersnap/clustersnap/manifests/storage"
)

// setFlags say how a SOURCE is read that is a backup: with whose key, and where its snapshot lies meanwhile.
type setFlags struct {
	identity, scratch string
	read              []age.Identity // from that file, which may be standard input
}

func (s *setFlags) flags(cmd *cobra.Command) {
	s.identityFlag(cmd)
	cmd.Flags().StringVar(&s.scratch, "scratch", os.TempDir(), "a `DIR` with room for a backup's snapshot, which is encrypted there, too")
}

func (s *setFlags) identityFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.identity, "identity", "", "the `FILE` with the secret key, or - for standard input, if it is encrypted")
}

// identities are those of the flag, none if it is not given.
func (s *setFlags) identities() (_ []age.Identity, err error) {
	if s.read == nil && s.identity != "" {
		s.read, err = readIdentities(s.identity)
	}
	return s.read, err
}

// isSet reports whether a SOURCE is a backup: it is in a store, or a file that age has encrypted.
func isSet(name string) (bool, error) {
	if store.IsURL(name) {
		return true, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return false, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || info.IsDir() {
		return false, cmp.Or(err, errors.New("it is a folder: give a file in it"))
	}
	return beginsAsSet(f)
}

// database opens the snapshot of a SOURCE, a backup's or a file's. The caller closes it.
func (s *setFlags) database(ctx context.Context, name string) (*database, error) {
	is, err := isSet(name)
	if err != nil {
		return nil, err
	}
	if !is {
		return openDatabase(name)
	}
	set, f, err := s.set(ctx, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	d, err := s.unpack(set)
	if err != nil {
		return nil, err
	}
	if err := d.configure(set, s.read); err != nil {
		return nil, errors.Join(err, d.close())
	}
	return d, nil
}

// set opens a SOURCE that is a backup. The caller closes it.
func (s *setFlags) set(ctx context.Context, name string) (*clustersnap.Set, io.Closer, error) {
	identities, err := s.identities()
	if err == nil && identities == nil {
		err = usageError{errors.New("it is an encrypted backup: give --identity FILE with the secret key")}
	}
	if err != nil {
		return nil, nil, err
	}
	return openSet(ctx, name, identities)
}

// unpack has the snapshot of a set in a scratch file, since it is read here and there.
func (s *setFlags) unpack(set *clustersnap.Set) (*database, error) {
	src, _, err := openSnapshot(set)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	held, err := newScratch(s.scratch)
	if err != nil {
		return nil, err
	}
	bar := watch("read")
	defer bar.end()
	if _, err := io.Copy(held, bar.reader(src)); err != nil {
		return nil, errors.Join(err, held.Close())
	}
	at, size, err := held.end()
	if err != nil {
		return nil, errors.Join(err, held.Close())
	}
	return newDatabase(at, size, held)
}

// configure takes from a set what kube-apiserver was told of its etcd.
func (d *database) configure(set *clustersnap.Set, identities []age.Identity) error {
	node, err := readNode(set)
	if err != nil {
		return err
	}
	d.prefix = prefixOf(node)
	files, err := openPKI(set, identities)
	if err != nil {
		return err
	}
	defer files.Clear()
	for _, f := range files.With("encryption-config") {
		if f.Link == "" {
			d.encryption = bytes.Clone(f.Data)
		}
	}
	return nil
}

// settings are how the values of a database are read: as the flags say, or else as its backup does. The caller clears the
// encryption configuration.
func (s *sourceFlags) settings(d *database) (prefix string, encryption []byte, err error) {
	if encryption, err = s.encryptionConfig(); encryption == nil && err == nil {
		encryption = bytes.Clone(d.encryption)
	}
	if prefix = s.prefix; prefix == storage.DefaultPrefix {
		prefix = cmp.Or(d.prefix, prefix)
	}
	return prefix, encryption, err
}
