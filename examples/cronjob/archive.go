package main

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"

	"github.com/clustersnap/clustersnap"
)

// fill writes the archive and the file with its SHA-256, durable or absent, and gives the digest of the image.
func (o order) fill(ctx context.Context) (digest v1.Hash, err error) {
	archive, err := clustersnap.Create(o.to)
	if err != nil {
		return digest, err
	}
	defer archive.Close() // removes it, unless committed
	sum, err := clustersnap.Create(o.to + ".sha256")
	if err != nil {
		return digest, err
	}
	defer sum.Close()
	dir, err := os.MkdirTemp("", "clustersnap-image-")
	if err != nil {
		return digest, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()

	index, err := o.images(ctx, dir)
	if err != nil {
		return digest, err
	}
	tree := filepath.Join(dir, "layout")
	if err := o.writeLayout(tree, index); err != nil {
		return digest, err
	}
	hash := sha256.New()
	if err := pack(io.MultiWriter(archive, hash), tree); err != nil {
		return digest, err
	}
	if _, err := fmt.Fprintf(sum, "%x  %s\n", hash.Sum(nil), filepath.Base(o.to)); err != nil {
		return digest, err
	}
	if err := errors.Join(archive.Commit(), sum.Commit()); err != nil {
		return digest, err
	}
	return index.Digest()
}

// writeLayout writes the images as a tree of files. containerd takes the name from the first annotation, others the tag from
// the second (https://github.com/opencontainers/image-spec/blob/v1.1.0/annotations.md).
func (o order) writeLayout(dir string, index v1.ImageIndex) error {
	tree, err := layout.Write(dir, empty.Index)
	if err != nil {
		return err
	}
	return tree.AppendIndex(index, layout.WithAnnotations(map[string]string{
		"io.containerd.image.name":          o.tag.Name(),
		"org.opencontainers.image.ref.name": o.tag.TagStr(),
	}))
}

// pack writes a tree of files in the order of their names, without times and owners.
func pack(to io.Writer, dir string) error {
	archive := tar.NewWriter(to)
	err := filepath.WalkDir(dir, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, file)
		if err != nil {
			return err
		}
		return addFile(archive, filepath.ToSlash(name), 0o644, file)
	})
	return errors.Join(err, archive.Close())
}
