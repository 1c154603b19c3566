package pkibundle

import (
	"archive/tar"
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"reflect"
	"strconv"
)

const tarBlock = 512

// writeArchive writes the tar archive inside a bundle. The signature is nil if there is none.
func writeArchive(dst io.Writer, manifest, signature []byte, b *Bundle) error {
	w := tar.NewWriter(dst)
	files := []File{ownFile(manifestName, manifest)}
	if signature != nil {
		files = append(files, ownFile(signatureName, signature))
	}
	files = append(files, b.Files...)
	for _, f := range files {
		if err := w.WriteHeader(tarHeader(f)); err != nil {
			return fmt.Errorf("write %q: %w", f.Path, err)
		}
		if _, err := w.Write(f.Data); err != nil {
			return fmt.Errorf("write %q: %w", f.Path, err)
		}
	}
	return w.Close()
}

// ownFile is one of the archive's own, beside those of the node.
func ownFile(name string, data []byte) File { return File{Path: name, Mode: 0o600, Data: data} }

func tarHeader(f File) *tar.Header {
	h := &tar.Header{
		Format: tar.FormatPAX, Typeflag: tar.TypeReg, Name: f.Path,
		Mode: int64(f.Mode), Uid: f.Owner.UID, Gid: f.Owner.GID, Uname: f.Owner.User, Gname: f.Owner.Group,
		Size: int64(len(f.Data)),
	}
	if f.Link != "" {
		h.Typeflag, h.Linkname = tar.TypeSymlink, f.Link
	}
	return h
}

// readArchive takes an archive apart. The files share the memory of plain. It
// accepts only what writeArchive writes, but for the spelling of header fields that mean the
// same, so that no other reader of tar sees more or other files than the manifest names. No file is looked at unless the
// manifest is accepted.
func readArchive(plain []byte, accept func(*Manifest) error) (*Bundle, *Manifest, error) {
	src := bytes.NewReader(plain)
	a := &archive{plain: plain, src: src, tar: tar.NewReader(src)}
	stored, err := a.own(manifestName)
	if err != nil {
		return nil, nil, err
	}
	m, err := parseManifest(stored)
	if err != nil {
		return nil, nil, err
	}
	if m.Signer != nil {
		signature, err := a.own(signatureName)
		if err != nil {
			return nil, nil, err
		}
		if !ed25519.Verify(m.Signer, signedText(stored), signature) {
			return nil, nil, errors.New("the signature is not of this manifest and this signer")
		}
	}
	if err := accept(m); err != nil {
		return nil, nil, err
	}
	b := &Bundle{Directories: m.Directories, Omitted: m.Omitted}
	for _, want := range m.Files {
		f, err := a.next()
		if err != nil {
			return nil, nil, fmt.Errorf("entry %q: %w", want.Path, err)
		}
		f.Role = want.Role     // of which a tar header knows nothing
		want.Certificate = nil // which another version may read otherwise: the digest says that it is the same
		if got := plainEntryOf(f); got != want {
			return nil, nil, fmt.Errorf("entry %q is not as the manifest has it, for %q", got.Path, want.Path)
		}
		b.Files = append(b.Files, f)
	}
	if err := a.end(); err != nil {
		return nil, nil, err
	}
	return b, m, b.check()
}

// archive reads the entries of a tar archive in the one form that Seal writes.
type archive struct {
	plain []byte
	src   *bytes.Reader // over plain
	tar   *tar.Reader   // over src, from which it takes whole headers and no more
	at    int           // where the next header starts in plain
}

// own reads one of the archive's own files, which comes next.
func (a *archive) own(name string) ([]byte, error) {
	f, err := a.next()
	if err != nil {
		return nil, fmt.Errorf("entry %q: %w", name, err)
	}
	if !reflect.DeepEqual(f, ownFile(name, f.Data)) {
		return nil, fmt.Errorf("entry %q is not %s", f.Path, name)
	}
	return f.Data, nil
}

func (a *archive) next() (File, error) {
	h, err := a.tar.Next()
	if err == io.EOF {
		return File{}, io.ErrUnexpectedEOF
	}
	if err != nil {
		return File{}, err
	}
	f := File{
		Path: h.Name, Mode: fs.FileMode(h.Mode), Link: h.Linkname,
		Owner: Owner{UID: h.Uid, GID: h.Gid, User: h.Uname, Group: h.Gname},
	}
	if err := checkHeader(h); err != nil {
		return File{}, err
	}
	start := len(a.plain) - a.src.Len()
	if !isOneHeader(a.plain[a.at:start]) {
		return File{}, errors.New("has more than one pax header, or one with hidden bytes")
	}
	if wholeBlocks := a.src.Len() / tarBlock * tarBlock; h.Size > int64(wholeBlocks) {
		return File{}, io.ErrUnexpectedEOF
	}
	end := start + int(h.Size)
	a.at = start + int(padded(h.Size))
	if !allZero(a.plain[end:a.at]) {
		return File{}, errors.New("padding is not zero")
	}
	if h.Typeflag == tar.TypeReg {
		f.Data = a.plain[start:end:end]
	}
	return f, nil
}

// checkHeader refuses what the manifest has no word for.
func checkHeader(h *tar.Header) error {
	link := h.Typeflag == tar.TypeSymlink
	switch {
	case h.Typeflag != tar.TypeReg && !link:
		return fmt.Errorf("type %q is neither file nor link", h.Typeflag)
	case link != (h.Linkname != "") || link && h.Size != 0:
		return errors.New("a link has a target and no contents, a file has no target")
	case h.Mode < 0 || h.Mode > int64(fs.ModePerm):
		return fmt.Errorf("mode %#o has more than permission bits", h.Mode)
	case h.Format != tar.FormatUSTAR && h.Format != tar.FormatPAX:
		return fmt.Errorf("format is %v, not pax", h.Format)
	case h.ModTime.Unix() != 0 || h.Devmajor != 0 || h.Devminor != 0:
		return errors.New("has a time or a device number")
	}
	for key := range h.PAXRecords {
		switch key {
		case "path", "linkpath", "uid", "gid", "uname", "gname":
		default:
			return fmt.Errorf("has the pax record %q", key)
		}
	}
	return nil
}

// isOneHeader says whether raw is a header with at most one pax header before it, padded with zeros.
// Of several, archive/tar takes the last and other readers the sum.
func isOneHeader(raw []byte) bool {
	if len(raw) == tarBlock {
		return true
	}
	const sizeAt, sizeEnd, typeAt = 124, 136, 156 // POSIX.1-2017, pax, "ustar Header Block"
	size, err := strconv.ParseInt(string(bytes.Trim(raw[sizeAt:sizeEnd], " \x00")), 8, 64)
	return err == nil && raw[typeAt] == tar.TypeXHeader && size >= 0 && int64(len(raw)) == 2*tarBlock+padded(size) &&
		allZero(raw[tarBlock+size:tarBlock+padded(size)])
}

func padded(size int64) int64 { return (size + tarBlock - 1) / tarBlock * tarBlock }

// end makes sure that two zero blocks follow and then nothing.
func (a *archive) end() error {
	h, err := a.tar.Next()
	if err == nil {
		return fmt.Errorf("entry %q is not in the manifest", h.Name)
	}
	if err != io.EOF {
		return err
	}
	// At EOF the reader has seen at most two blocks, all of them zero.
	if rest := len(a.plain) - a.at; rest != 2*tarBlock {
		return fmt.Errorf("%d bytes follow the last file, not two zero blocks", rest)
	}
	return nil
}

func allZero(data []byte) bool {
	for _, b := range data {
		if b != 0 {
			return false
		}
	}
	return true
}
