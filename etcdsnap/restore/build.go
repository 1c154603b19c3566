package restore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"go.uber.org/zap"

	"github.com/clustersnap/clustersnap/etcdsnap"
	"github.com/clustersnap/clustersnap/internal/durable"
)

// build makes the data directories of all sites, whole and on disk, in their partials. The database is the same for all members,
// and made once: only the logs differ.
func build(ctx context.Context, src io.Reader, c *cluster, all sites, age time.Duration, opts Options, result *Result) error {
	var first *site
	for _, s := range all {
		if s == nil {
			continue
		}
		if err := s.makeDirectories(); err != nil {
			return err
		}
		if first == nil {
			first = s
		}
	}
	first.step("write " + first.data())
	db := database(first.data())
	var err error
	if result.Snapshot, err = fetch(ctx, db, src, opts.NoDigest); err != nil {
		return err
	}
	if opts.inspect != nil {
		if err := opts.inspect(ctx, db); err != nil {
			return err
		}
	}
	known := opts.LastRevision
	for _, s := range all {
		if s != nil {
			known = max(known, s.oldRevision)
		}
	}
	a, err := newAdaption(c, result.Snapshot.Content, known, age, opts)
	if err != nil {
		return err
	}
	if err := checkRoom(db, growth); err != nil {
		return err
	}
	if err := guard(func(*zap.Logger) error { return a.run(db) }); err != nil {
		return fmt.Errorf("adapt database: %w", err)
	}
	a.report(result)
	for _, s := range all {
		if s != nil {
			if err := s.complete(ctx, c, db); err != nil {
				return fmt.Errorf("member %s: %w", s.name, err)
			}
		}
	}
	return context.Cause(ctx)
}

func (s *site) makeDirectories() error {
	return os.MkdirAll(filepath.Dir(database(s.data())), 0o700)
}

// fetch stores src in the file path, and verifies it on the way. A file whose extents path can share is not copied.
func fetch(ctx context.Context, path string, src io.Reader, noDigest bool) (info etcdsnap.Info, err error) {
	opts := etcdsnap.VerifyOptions{NoDigest: noDigest}
	if f, ok := src.(*os.File); ok && shareWhole(path, f) {
		info, err = verifyFile(ctx, path, opts)
	} else {
		info, err = storeFile(ctx, path, src, opts)
	}
	if err == nil && info.SHA256 != "" {
		err = os.Truncate(path, info.Size-digestSize)
	}
	return info, err
}

// storeFile has the kernel put on disk what is stored while more comes.
func storeFile(ctx context.Context, path string, src io.Reader, opts etcdsnap.VerifyOptions) (info etcdsnap.Info, err error) {
	f, err := durable.Create(path)
	if err != nil {
		return info, err
	}
	if info, err = etcdsnap.Verify(ctx, io.TeeReader(src, f), opts); err == nil {
		err = f.Commit()
	}
	return info, errors.Join(err, f.Close())
}

// shareWhole makes path share all extents of src, which has not been read yet. Nobody can change path any more.
func shareWhole(path string, src *os.File) bool {
	if at, err := src.Seek(0, io.SeekCurrent); err != nil || at != 0 {
		return false
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return false
	}
	shared := share(f, src)
	if err := f.Close(); err != nil || !shared {
		os.Remove(path)
		return false
	}
	return true
}

func verifyFile(ctx context.Context, path string, opts etcdsnap.VerifyOptions) (etcdsnap.Info, error) {
	f, err := os.Open(path)
	if err != nil {
		return etcdsnap.Info{}, err
	}
	defer f.Close()
	return etcdsnap.Verify(ctx, f, opts)
}

const (
	digestSize = 32
	// growth is for the pages that the restore itself writes, and logSize what etcd allocates for the log of a new member: two
	// segments of 64 MiB.
	growth  = 16 << 20
	logSize = 2 * 64 << 20
)

// complete makes the rest of a member's directory: the database from that of the first, and the log.
func (s *site) complete(ctx context.Context, c *cluster, db string) error {
	if path := database(s.data()); path != db {
		s.step("write " + s.data())
		if err := copyFile(ctx, path, db); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(filepath.Dir(s.log()), 0o700); err != nil {
		return err
	}
	if err := checkRoom(filepath.Dir(s.log()), logSize); err != nil {
		return err
	}
	err := guard(func(lg *zap.Logger) error {
		if err := c.writeSnap(filepath.Dir(database(s.data()))); err != nil {
			return err
		}
		return c.writeLog(lg, s.log(), s.name)
	})
	if err != nil {
		return fmt.Errorf("write log: %w", err)
	}
	made := []string{s.data()}
	if s.wal != nil {
		made = append(made, s.log())
	}
	for _, dir := range made {
		if s.dir.exists {
			if err := own(dir, s.dir.path); err != nil {
				return err
			}
		}
		if err := walk(dir, durable.Sync); err != nil {
			return err
		}
	}
	return nil
}

// copyFile copies a file, or shares its extents with it where the file system can.
func copyFile(ctx context.Context, dst, src string) (err error) {
	from, err := os.Open(src)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := os.OpenFile(dst, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	if share(to, from) {
		return nil
	}
	const step = 64 << 20 // between two looks at ctx
	for {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if _, err := io.CopyN(to, from, step); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// walk calls visit for a directory and all that is in it.
func walk(dir string, visit func(path string) error) error {
	return filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return visit(path)
	})
}
