package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"

	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/clustersnap/clustersnap/etcdsnap"
	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/storage"
)

// snapshot is one of etcd, at a revision, and what makes objects of its values.
type snapshot struct {
	*database
	prefix  string // kube-apiserver's
	view    *etcdsnap.View
	decoder *storage.Decoder
}

// readSnapshot finds the keys of a snapshot at a revision, and learns of its custom resources. The caller closes it.
func readSnapshot(ctx context.Context, name string, s sourceFlags, level manifests.Level) (*snapshot, error) {
	from, err := s.database(ctx, name)
	if err != nil {
		return nil, err
	}
	prefix, encryption, err := s.settings(from)
	if err != nil {
		return nil, errors.Join(err, from.close())
	}
	defer clear(encryption)
	decoder, err := storage.NewDecoder(storage.Options{Prefix: prefix, Level: level, Encryption: encryption})
	if err != nil {
		err = fmt.Errorf("read %s: %w", cmp.Or(s.encryption, "the encryption configuration of the backup"), err)
		return nil, errors.Join(err, from.close())
	}
	snap := &snapshot{database: from, prefix: prefix, decoder: decoder}
	if snap.view, err = snap.View(ctx, "", s.revision); err == nil {
		err = snap.learn(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, snap.close())
	}
	return snap, nil
}

// learnAll is learn for those of all revisions: of an object that is gone, the definition may be gone, too.
func (s *snapshot) learnAll(ctx context.Context) error {
	for e, err := range s.Events(ctx, storage.DefinitionPrefix(s.prefix), 0) {
		if err != nil {
			return err
		}
		if len(e.Kv.Value) > 0 { // it is no deletion
			s.teach(e.Kv)
		}
	}
	return nil
}

// learn reads the definitions of custom resources. One that can't be read is no end: its objects are, and their status with
// them.
func (s *snapshot) learn(ctx context.Context) error {
	for kv, err := range s.view.Below(ctx, storage.DefinitionPrefix(s.prefix)) {
		if err != nil {
			return err
		}
		s.teach(kv)
	}
	return nil
}

func (s *snapshot) teach(kv *mvccpb.KeyValue) {
	if err := s.decoder.Learn(kv); err != nil {
		fmt.Fprintf(os.Stderr, "clustersnap: %s\n", oneLine(err.Error()))
	}
}

func (s *snapshot) close() error {
	s.decoder.Close()
	return s.database.close()
}
