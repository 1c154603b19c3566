package clustersnap

import (
	"bufio"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

// Pinned, so that memory does not grow with the machine or with the member: a window of
// 1 MiB costs little ratio on etcd's pages, and two blocks in flight keep ahead of etcd.
const (
	zstdWindow      = 1 << 20
	zstdConcurrency = 2
	// zstdMaxWindow is what RFC 8878, section 3.1.1.1.2, asks every decoder to bear.
	zstdMaxWindow = 8 << 20
)

// Compressed makes of fill a fill for [Writer.Add] that compresses with zstd. Give such a
// member a name that ends in .zst: the set stores it as it is, and so does unzip.
func Compressed(fill func(io.Writer) error) func(io.Writer) error {
	return func(dst io.Writer) error {
		z, err := zstd.NewWriter(dst, zstd.WithWindowSize(zstdWindow), zstd.WithEncoderConcurrency(zstdConcurrency), zstd.WithZeroFrames(true))
		if err != nil {
			return fmt.Errorf("start zstd: %w", err)
		}
		if err := fill(z); err != nil {
			z.Reset(nil) // waits for blocks in flight, and writes no frame end
			return err
		}
		return z.Close()
	}
}

// Decompress reads what [Compressed] or the zstd tool wrote. Windows above 8 MiB are refused
// (zstd --long), so that memory stays bounded; a cut stream is [io.ErrUnexpectedEOF]. The
// caller closes the result, which does not close src.
func Decompress(src io.Reader) (io.ReadCloser, error) {
	in := bufio.NewReader(src)
	if _, err := in.Peek(1); err == io.EOF {
		return nil, fmt.Errorf("decompress: %w", io.ErrUnexpectedEOF) // even nothing has a frame
	}
	z, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(zstdMaxWindow))
	if err != nil {
		return nil, fmt.Errorf("start zstd: %w", err)
	}
	return z.IOReadCloser(), nil
}
