package main

import (
	"archive/tar"
	"bytes"
	"encoding/pem"
	"errors"
	"io"
	"os"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// Where things are in the image. Go looks for roots there first (crypto/x509/root_linux.go).
const (
	programPath = "usr/local/bin/clustersnap"
	rootsPath   = "etc/ssl/certs/ca-certificates.crt"
)

// packLayer writes the archive of an image's files. Times are zero, and everything is root's.
func packLayer(file, program string) (err error) {
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	layer := tar.NewWriter(out)
	for _, dir := range []string{"etc/", "etc/ssl/", "etc/ssl/certs/", "tmp/", "usr/", "usr/local/", "usr/local/bin/"} {
		h := &tar.Header{Typeflag: tar.TypeDir, Name: dir, Mode: 0o755}
		if dir == "tmp/" {
			h.Mode = 0o1777
		}
		if err := layer.WriteHeader(h); err != nil {
			return err
		}
	}
	roots := rootCertificates()
	if err := add(layer, rootsPath, 0o644, int64(len(roots)), bytes.NewReader(roots)); err != nil {
		return err
	}
	if err := addFile(layer, programPath, 0o755, program); err != nil {
		return err
	}
	return layer.Close()
}

// rootCertificates are Mozilla's that it trusts without a condition: a file can't hold one.
func rootCertificates() []byte {
	var b bytes.Buffer
	for root := range bundle.Roots() {
		if root.Constraint == nil {
			b.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}))
		}
	}
	return b.Bytes()
}

func addFile(to *tar.Writer, name string, mode int64, from string) error {
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	return add(to, name, mode, info.Size(), f)
}

func add(to *tar.Writer, name string, mode, size int64, content io.Reader) error {
	if err := to.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: size}); err != nil {
		return err
	}
	_, err := io.Copy(to, content)
	return err
}
