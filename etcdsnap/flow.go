package etcdsnap

import (
	"io"
	"sync"
)

const (
	// blockSize keeps what passes in the processor's cache until all have seen it.
	blockSize = 256 << 10
	blocks    = 8
)

// flow reads src to its end, in blocks, while the sinks take the blocks before: all sinks the same one at the same time.
// What is read is full blocks, but for the last. It returns when nobody uses src or the sinks any more.
func flow(src io.Reader, sinks ...io.Writer) error {
	free, full, stop := make(chan []byte, blocks), make(chan []byte, blocks), make(chan struct{})
	for range blocks {
		free <- nil // made when needed
	}
	var rerr error
	go func() {
		defer close(full)
		for rerr == nil {
			var b []byte
			select {
			case <-stop: // which counts more than a free block
				return
			default:
			}
			select {
			case b = <-free:
			case <-stop:
				return
			}
			if b == nil {
				b = make([]byte, blockSize)
			}
			var n int
			if n, rerr = readFull(src, b); n > 0 {
				full <- b[:n]
			}
		}
	}()
	var err error
	for b := range full {
		if err != nil {
			continue // until the reader has seen that it is to stop
		}
		if err = writeAll(sinks, b); err != nil {
			close(stop)
		}
		free <- b[:blockSize]
	}
	if err == nil && rerr != io.EOF {
		err = rerr
	}
	return err
}

// readFull fills b, up to an error. That of io.ReadFull would not tell src's end from an unexpected one that src reports.
func readFull(src io.Reader, b []byte) (n int, err error) {
	for n < len(b) && err == nil {
		var m int
		m, err = src.Read(b[n:])
		n += m
	}
	return n, err
}

// writeAll gives b to all sinks at once. The first of them has the say in what went wrong.
func writeAll(sinks []io.Writer, b []byte) error {
	errs := make([]error, len(sinks))
	var wait sync.WaitGroup
	for i, w := range sinks[1:] {
		wait.Go(func() { _, errs[i+1] = w.Write(b) })
	}
	_, errs[0] = sinks[0].Write(b)
	wait.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
