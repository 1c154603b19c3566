package main

import (
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
	*etcdsnap.Snapshot
	file    *os.File
	view    *etcdsnap.View
	decoder *storage.Decoder
}

// readSnapshot finds the keys of a snapshot at a revision, and learns of its custom resources. The caller closes it.
func readSnapshot(ctx context.Context, name string, s sourceFlags, level manifests.Level) (_ *snapshot, err error) {
	opts := storage.Options{Prefix: s.prefix, Level: level}
	if s.encryption != "" {
		if opts.Encryption, err = os.ReadFile(s.encryption); err != nil {
			return nil, err
		}
		defer clear(opts.Encryption)
	}
	snap := new(snapshot)
	if snap.decoder, err = storage.NewDecoder(opts); err != nil {
		return nil, fmt.Errorf("read %s: %w", s.encryption, err)
	}
	if err = snap.open(ctx, name, s); err != nil {
		return nil, errors.Join(err, snap.close())
	}
	return snap, nil
}

func (s *snapshot) open(ctx context.Context, name string, flags sourceFlags) (err error) {
	if s.file, err = os.Open(name); err != nil {
		return err
	}
	stat, err := s.file.Stat()
	if err != nil {
		return err
	}
	if s.Snapshot, err = etcdsnap.Open(s.file, stat.Size()); err != nil {
		return err
	}
	if s.view, err = s.View(ctx, "", flags.revision); err != nil {
		return err
	}
	return s.learn(ctx, flags.prefix)
}

// learnAll is learn for those of all revisions: of an object that is gone, the definition may be gone, too.
func (s *snapshot) learnAll(ctx context.Context, prefix string) error {
	for e, err := range s.Events(ctx, storage.DefinitionPrefix(prefix), 0) {
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
func (s *snapshot) learn(ctx context.Context, prefix string) error {
	for kv, err := range s.view.Below(ctx, storage.DefinitionPrefix(prefix)) {
		if err != nil {
			return err
		}
		s.teach(kv)
	}
	return nil
}

func (s *snapshot) teach(kv *mvccpb.KeyValue) {
	if err := s.decoder.Learn(kv); err != nil {
		fmt.Fprintf(os.Stderr, "clustersnap: %v\n", err)
	}
}

func (s *snapshot) close() error {
	s.decoder.Close()
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}
