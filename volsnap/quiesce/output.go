package quiesce

import (
	"strings"
	"sync"
)

// maxOutput is how many bytes of each stream of a command are kept. Hooks print a line, if anything.
const maxOutput = 64 << 10

// Output is what a command printed: the first 64 KiB of each stream.
type Output struct {
	Stdout, Stderr string
	Cut            bool // there was more
}

// bounded keeps the first bytes that are written to it, and takes the others, so that the command is not stopped by them. A
// connection may still write to it when it is read, because its context has ended.
type bounded struct {
	mu    sync.Mutex
	kept  strings.Builder
	total int64
}

func (b *bounded) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.total += int64(len(p))
	b.kept.Write(p[:min(len(p), maxOutput-b.kept.Len())])
	return len(p), nil
}

func (b *bounded) text() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.kept.String()
}

func (b *bounded) cut() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.total > int64(b.kept.Len())
}
