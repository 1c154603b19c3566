package tree

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
)

// Pack writes a tree as one tar archive: the index, the state if it is known, then the files in the order of the index,
// each checked as it is read. The same tree gives the same bytes. Encrypted Secrets stay encrypted. A backup set takes
// it as one member:
//
//	err := set.Add("manifests.tar.zst", nil, clustersnap.Compressed(saved.Pack))
func (s *Saved) Pack(dst io.Writer) error {
	if err := s.pack(dst); err != nil {
		return fmt.Errorf("pack tree: %w", err)
	}
	return nil
}

func (s *Saved) pack(dst io.Writer) error {
	var b bytes.Buffer
	if err := s.index.write(&b); err != nil {
		return err
	}
	w := tar.NewWriter(dst)
	if err := packFile(w, indexName, b.Bytes()); err != nil {
		return err
	}
	if s.state != nil {
		b.Reset()
		if err := s.state.write(&b, timeless(s.index.records)); err != nil {
			return err
		}
		if err := packFile(w, stateName, b.Bytes()); err != nil {
			return err
		}
	}
	for _, r := range s.index.records {
		if r.form == excluded {
			continue
		}
		stored, err := s.stored(r)
		if err != nil {
			return err
		}
		if err := packFile(w, r.path(), stored); err != nil {
			return err
		}
	}
	return w.Close()
}

// timeless gives the records without the times of their files, which are others in each copy of a tree.
func timeless(records []*record) []*record {
	list := make([]*record, len(records))
	for i, r := range records {
		copied := *r
		copied.modified = 0
		list[i] = &copied
	}
	return list
}

func packFile(w *tar.Writer, name string, b []byte) error {
	if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(b)), Format: tar.FormatPAX}); err != nil {
		return err
	}
	_, err := w.Write(b)
	return err
}

// Unpack makes a tree of what [Saved.Pack] wrote, in an empty directory. Nothing is taken that the index does not name, and
// the index is written last: after an error or a kill there is no tree, and the directory is to be removed. Errors wrap
// [ErrCorrupt] and [ErrNewer], or [fs.ErrExist] if the directory is not empty.
func Unpack(root *os.Root, src io.Reader) error {
	if err := unpack(root, src); err != nil {
		return fmt.Errorf("unpack tree into %s: %w", root.Name(), err)
	}
	return nil
}

func unpack(root *os.Root, src io.Reader) error {
	if list, err := fs.ReadDir(root.FS(), "."); err != nil || len(list) > 0 {
		return errors.Join(err, fmt.Errorf("it has to be empty: %w", fs.ErrExist))
	}
	u := &unpacker{root: root, src: &counter{r: src}, dirs: map[string]bool{".": true}}
	u.r = tar.NewReader(u.src)
	if err := u.readOwn(); err != nil {
		return err
	}
	for _, r := range u.index.records {
		if r.form == excluded {
			continue
		}
		if err := u.expect(r.path()); err != nil {
			return err
		}
		if err := u.file(r); err != nil {
			return fmt.Errorf("write %s: %w", r.path(), err)
		}
		if err := u.next(); err != nil {
			return err
		}
	}
	if u.header != nil {
		return fmt.Errorf("%w: %.80q is not in the index", ErrCorrupt, u.header.Name)
	}
	if err := u.trailer(); err != nil {
		return err
	}
	return u.commit()
}

// unpacker reads an archive whose order it knows.
type unpacker struct {
	root   *os.Root
	src    *counter
	r      *tar.Reader
	end    int64       // of the content that came last
	header *tar.Header // of the entry that comes now, or nil at the end
	index  *index
	state  *state
	digest [32]byte
	dirs   map[string]bool
}

// next goes on to the next entry, when the one before has been read to its end.
func (u *unpacker) next() error {
	u.end = u.src.n
	header, err := u.r.Next()
	if err == io.EOF {
		u.header = nil
		return nil // see trailer
	}
	if errors.Is(err, tar.ErrHeader) {
		err = fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	u.header = header
	return err
}

func (u *unpacker) expect(name string) error {
	switch {
	case u.header == nil:
		return fmt.Errorf("%w: it ends where %s belongs: %w", ErrCorrupt, name, io.ErrUnexpectedEOF)
	case u.header.Name != name || u.header.Typeflag != tar.TypeReg:
		return fmt.Errorf("%w: %.80q where the file %s belongs", ErrCorrupt, u.header.Name, name)
	}
	return nil
}

// readOwn reads the index and the state.
func (u *unpacker) readOwn() error {
	if err := u.next(); err != nil {
		return err
	}
	if err := u.expect(indexName); err != nil {
		return err
	}
	hash := sha256.New()
	var err error
	if u.index, err = readIndex(io.TeeReader(u.r, hash)); err != nil {
		return fmt.Errorf("read %s: %w", indexName, err)
	}
	u.digest = [32]byte(hash.Sum(nil))
	if err := u.next(); err != nil || u.header == nil || u.header.Name != stateName {
		return err
	}
	if u.state, err = readState(u.r); err != nil {
		return fmt.Errorf("read %s: %w", stateName, err)
	}
	if !u.state.apply(u.index, u.digest) {
		return fmt.Errorf("%w: %s is not of this index", ErrCorrupt, stateName)
	}
	return u.next()
}

func (u *unpacker) file(r *record) (err error) {
	p := r.path()
	if err := u.mkdir(path.Dir(p)); err != nil {
		return err
	}
	f, err := u.root.OpenFile(p, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	hash := sha256.New()
	n, err := io.Copy(io.MultiWriter(f, hash), io.LimitReader(u.r, r.size+1))
	if err != nil {
		return err
	}
	if n != r.size || [32]byte(hash.Sum(nil)) != r.sum {
		return fmt.Errorf("%w: it is not what the index says", ErrCorrupt)
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	r.modified = info.ModTime().UnixNano()
	return nil
}

func (u *unpacker) mkdir(dir string) error {
	if u.dirs[dir] {
		return nil
	}
	for d := dir; d != "."; d = path.Dir(d) {
		u.dirs[d] = true
	}
	return u.root.MkdirAll(dir, 0o700)
}

// counter counts what is read.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// trailer reads to the end, so that whoever checks what is read has seen all of it. An archive ends with two blocks of
// zeros; archive/tar also takes one without.
func (u *unpacker) trailer() error {
	const block, most = 512, 1 << 20
	rest, err := io.ReadAll(io.LimitReader(u.src, most))
	if err != nil {
		return err
	}
	if len(rest) == most || len(bytes.Trim(rest, "\x00")) > 0 {
		return fmt.Errorf("%w: something follows the archive", ErrCorrupt)
	}
	if padded := (u.end + block - 1) / block * block; u.src.n < padded+2*block {
		return fmt.Errorf("%w: its end is missing: %w", ErrCorrupt, io.ErrUnexpectedEOF)
	}
	return nil
}

// commit makes all durable and writes the index.
func (u *unpacker) commit() error {
	var paths []string
	for _, r := range u.index.records {
		if r.form != excluded {
			paths = append(paths, r.path())
		}
	}
	if err := syncFiles(u.root, paths); err != nil {
		return err
	}
	if err := u.mkdir(metaDir); err != nil {
		return err
	}
	err := errors.Join(writeMissing(u.root, ignoreName, "*\n"), writeMissing(u.root, attributesName, attributes))
	if err != nil {
		return err
	}
	if u.state != nil {
		write := func(w io.Writer) error { return u.state.write(w, u.index.records) }
		if err := writeFile(u.root, stateName, write); err != nil {
			return err
		}
	}
	const partial = metaDir + "/index.json.partial"
	if err := writeFile(u.root, partial, u.index.write); err != nil {
		return err
	}
	if err := syncDirs(u.root, u.dirs); err != nil {
		return err
	}
	if err := u.root.Rename(partial, indexName); err != nil {
		return err
	}
	return syncDir(u.root, ".")
}
