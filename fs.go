package clustersnap

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
)

// Open opens a member, or a directory that member names imply. A member's last bytes
// are handed out only if size, CRC-32 and SHA-256 of all its bytes are those of the
// index; otherwise the read fails with [ErrCorrupt]. Whoever reads less than all of a
// member has checked nothing. Files are read from front to back and must be closed by the caller.
func (s *Set) Open(name string) (fs.File, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	if e, ok := s.entries[name]; ok {
		return &memberFile{
			info:    s.info(e.Name, e.Size),
			entry:   e,
			section: io.NewSectionReader(s.r, e.offset, e.Size),
			sha:     sha256.New(),
		}, nil
	}
	if list, ok := s.dirs[name]; ok {
		return &dirFile{info: s.dirInfo(name), left: list}, nil
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

type memberFile struct {
	info    info
	entry   entry
	section *io.SectionReader
	sha     hash.Hash
	crc     uint32
	n       int64
	err     error // sticky
}

func (f *memberFile) Stat() (fs.FileInfo, error) { return f.info, nil }

func (f *memberFile) Close() error {
	if f.err == fs.ErrClosed {
		return &fs.PathError{Op: "close", Path: f.entry.Name, Err: fs.ErrClosed}
	}
	f.err = fs.ErrClosed
	return nil
}

func (f *memberFile) Read(p []byte) (int, error) {
	if f.err != nil {
		return 0, f.err
	}
	n, err := f.section.Read(p)
	f.n += int64(n)
	f.sha.Write(p[:n])
	f.crc = crc32.Update(f.crc, crc32.IEEETable, p[:n])
	switch {
	case f.n == f.entry.Size:
		if f.crc != f.entry.CRC32 || hex.EncodeToString(f.sha.Sum(nil)) != f.entry.SHA256 {
			f.err = fmt.Errorf("read member %q: %w: its content does not have the digest that the index states", f.entry.Name, ErrCorrupt)
			return 0, f.err
		}
	case err == io.EOF:
		f.err = fmt.Errorf("read member %q: %d of %d bytes: %w", f.entry.Name, f.n, f.entry.Size, io.ErrUnexpectedEOF)
		return n, f.err
	}
	if err != nil && err != io.EOF {
		err = fmt.Errorf("read member %q: %w", f.entry.Name, err)
	}
	f.err = err
	return n, err
}

type dirFile struct {
	info   info
	left   []fs.DirEntry
	closed bool
}

func (d *dirFile) Stat() (fs.FileInfo, error) { return d.info, nil }
func (d *dirFile) Close() error               { d.closed = true; return nil }

func (d *dirFile) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: d.info.name, Err: fmt.Errorf("is a directory")}
}

func (d *dirFile) ReadDir(n int) ([]fs.DirEntry, error) {
	if d.closed {
		return nil, &fs.PathError{Op: "readdir", Path: d.info.name, Err: fs.ErrClosed}
	}
	if n <= 0 || n > len(d.left) {
		if n > 0 && len(d.left) == 0 {
			return nil, io.EOF
		}
		n = len(d.left)
	}
	list := slices.Clone(d.left[:n])
	d.left = d.left[n:]
	return list, nil
}

// directories lists what each directory that the member names imply holds, sorted.
func (s *Set) directories() map[string][]fs.DirEntry {
	dirs := map[string][]fs.DirEntry{".": nil}
	for _, m := range s.index.Members {
		child := fs.FileInfoToDirEntry(s.info(m.Name, m.Size))
		for dir := path.Dir(m.Name); ; dir = path.Dir(dir) {
			_, known := dirs[dir]
			dirs[dir] = append(dirs[dir], child)
			if dir == "." || known {
				break
			}
			child = fs.FileInfoToDirEntry(s.dirInfo(dir))
		}
	}
	for _, list := range dirs {
		slices.SortFunc(list, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	}
	return dirs
}

func (s *Set) info(name string, size int64) info {
	return info{name: path.Base(name), size: size, mode: 0o400, created: s.index.Created}
}

func (s *Set) dirInfo(name string) info {
	return info{name: path.Base(name), mode: fs.ModeDir | 0o500, created: s.index.Created}
}

// info describes a member or a directory. Its time is that of the set.
type info struct {
	name    string
	size    int64
	mode    fs.FileMode
	created time.Time
}

func (i info) Name() string       { return i.name }
func (i info) Size() int64        { return i.size }
func (i info) Mode() fs.FileMode  { return i.mode }
func (i info) ModTime() time.Time { return i.created }
func (i info) IsDir() bool        { return i.mode.IsDir() }
func (i info) Sys() any           { return nil }
