package clustersnap

import "github.com/clustersnap/clustersnap/internal/durable"

// File is a file in the making: it has no name that anyone would look for until
// [File.Commit], and none at all after [File.Close] without it.
type File struct{ f *durable.File }

// Create begins the file path, which must not exist, in mode 0600. Until it is committed its
// bytes lie beside it under a hidden name that ends in .partial. What writers that were killed
// have left there for the same path is removed first. The caller closes the file, also after an error
// and also after Commit:
//
//	f, err := clustersnap.Create(path)
//	if err != nil {
//		return err
//	}
//	defer f.Close()
//	// write
//	return f.Commit()
func Create(path string) (*File, error) {
	f, err := durable.Create(path)
	if err != nil {
		return nil, err
	}
	return &File{f}, nil
}

// Write writes to the file. After an error the file can't be committed any more.
func (f *File) Write(p []byte) (int, error) { return f.f.Write(p) }

// Commit makes the file durable and gives it its name: fsync of the file, link, fsync of
// the directory. It never replaces a file that has appeared meanwhile. After an error
// there is no file.
func (f *File) Commit() error { return f.f.Commit() }

// Close removes the file unless it was committed. A second Close does nothing.
func (f *File) Close() error { return f.f.Close() }
