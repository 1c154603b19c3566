package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"filippo.io/age"

	"github.com/clustersnap/clustersnap"
	"github.com/clustersnap/clustersnap/examples/store"
)

// sealed is an encrypted set, in a file or in a store.
type sealed interface {
	io.ReaderAt
	io.Closer
}

// openSealed opens a file, or a set in a store that has its receipt. The caller closes it.
func openSealed(ctx context.Context, name string) (sealed, int64, error) {
	if store.IsURL(name) {
		return openStored(ctx, name)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = fmt.Errorf("%s is a folder: give a set in it: clustersnap list file:///DIR/ shows what there is", name)
	}
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, info.Size(), nil
}

// storedSet is a set in a store, which is closed with it.
type storedSet struct {
	*store.Reader
	receipt store.Receipt
	store   *store.Store
}

func (s storedSet) Close() error { return errors.Join(s.Reader.Close(), s.store.Close()) }

func openStored(ctx context.Context, url string) (sealed, int64, error) {
	from, err := openStore(ctx, url)
	if err != nil {
		return nil, 0, err
	}
	if from.Set() == "" {
		err := usageError{fmt.Errorf("%s names a folder: give a set in it, as clustersnap list shows them", url)}
		return nil, 0, errors.Join(err, from.Close())
	}
	r, receipt, err := from.OpenSet(ctx, from.Set())
	if err != nil {
		return nil, 0, errors.Join(err, from.Close())
	}
	return storedSet{r, receipt, from}, r.Size(), nil
}

// openSet opens an encrypted set, a file's or a URL's. The caller closes what it is read from, after the last read.
func openSet(ctx context.Context, name string, identities []age.Identity) (*clustersnap.Set, io.Closer, error) {
	f, size, err := openSealed(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	set, err := decrypt(name, f, size, identities)
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("open %s: %w", name, err), f.Close())
	}
	return set, f, nil
}
