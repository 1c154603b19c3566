package stores

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// change is one of the files of a folder: the number-th of its kind.
type change struct {
	kind   string // what is done, and to what
	number int
}

func (c change) String() string { return fmt.Sprintf("%s, number %d", c.kind, c.number) }

// folderWatch counts what is done in a directory: a program that writes there can be killed at it, as near as the kernel's word
// of it comes.
type folderWatch struct {
	mu      sync.Mutex
	counts  map[string]int // by kinds
	awaited change
	strike  func()
}

// watchFolder watches a directory of this machine until the end of the test.
func watchFolder(t *testing.T, dir string) *folderWatch {
	t.Helper()
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		t.Fatal(err)
	}
	events := os.NewFile(uintptr(fd), "inotify")
	t.Cleanup(func() { events.Close() })
	if _, err := unix.InotifyAddWatch(fd, dir, unix.IN_CREATE|unix.IN_MODIFY|unix.IN_MOVED_TO|unix.IN_DELETE); err != nil {
		t.Fatal(err)
	}
	w := &folderWatch{}
	w.until(change{})
	go w.read(events)
	return w
}

// until counts anew, and closes the channel at a change.
func (w *folderWatch) until(c change) <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	reached := make(chan struct{})
	w.counts, w.awaited, w.strike = map[string]int{}, c, sync.OnceFunc(func() { close(reached) })
	return reached
}

// changes are those that were counted: of each kind the last one.
func (w *folderWatch) changes() (last []change) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, kind := range slices.Sorted(maps.Keys(w.counts)) {
		last = append(last, change{kind, w.counts[kind]})
	}
	return last
}

// randomChange is any of a kind, as large files are many changes of one.
func randomChange(random *rand.Rand, last []change) change {
	c := last[random.IntN(len(last))]
	return change{c.kind, 1 + random.IntN(c.number)}
}

// read reads what the kernel says until the file is closed.
func (w *folderWatch) read(events *os.File) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := events.Read(buffer)
		if err != nil {
			return
		}
		for b := buffer[:n]; len(b) > 0; {
			mask, length := binary.NativeEndian.Uint32(b[4:]), binary.NativeEndian.Uint32(b[12:])
			w.count(mask, strings.TrimRight(string(b[unix.SizeofInotifyEvent:][:length]), "\x00"))
			b = b[unix.SizeofInotifyEvent+length:]
		}
	}
}

// numbers are what the driver makes temporary names of.
var numbers = regexp.MustCompile(`\.[0-9a-f]+\.tmp$`)

func (w *folderWatch) count(mask uint32, name string) {
	_, extension, _ := strings.Cut(numbers.ReplaceAllString(name, ".tmp"), ".clustersnap")
	kind := map[uint32]string{
		unix.IN_CREATE: "create", unix.IN_MODIFY: "write", unix.IN_MOVED_TO: "name", unix.IN_DELETE: "delete",
	}[mask] + " SET" + extension
	w.mu.Lock()
	defer w.mu.Unlock()
	w.counts[kind]++
	if (change{kind, w.counts[kind]}) == w.awaited {
		w.strike()
	}
}
