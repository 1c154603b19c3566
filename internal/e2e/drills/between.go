package drills

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// tear leaves half of the last line of the journal, as a power cut may.
func (s *Scene) tear(t testing.TB) {
	t.Helper()
	files := s.journals(t)
	name := files[len(files)-1]
	text, err := os.ReadFile(name)
	must(t, err)
	last := bytes.LastIndexByte(bytes.TrimSuffix(text, []byte("\n")), '\n') + 1
	must(t, os.Truncate(name, int64(last+(len(text)-last)/2)))
}

// killBetween kills it once the old member has left its place, and before the new one takes that.
func (p *paced) killBetween(t testing.TB) {
	t.Helper()
	p.reach(t, "swap noted")
	journals := p.s.journals(t)
	id := strings.TrimSuffix(filepath.Base(journals[len(journals)-1]), ".journal")
	data := filepath.Join(p.s.Node.Root, "var/lib/etcd")
	place, aside := filepath.Join(data, "member"), filepath.Join(data, ".restore-"+id, "old/member")
	// It opens the directory for each rename to be on disk, and has to wait for an answer each time. Whoever else opens it,
	// waits as well, this test too.
	fd, err := unix.FanotifyInit(unix.FAN_CLASS_CONTENT|unix.FAN_CLOEXEC|unix.FAN_NONBLOCK, unix.O_RDONLY|unix.O_CLOEXEC)
	must(t, err)
	asked := os.NewFile(uintptr(fd), "fanotify")
	defer asked.Close()
	deadline, _ := stuck(t).Deadline()
	must(t, asked.SetReadDeadline(deadline))
	must(t, unix.FanotifyMark(fd, unix.FAN_MARK_ADD|unix.FAN_MARK_ONLYDIR, unix.FAN_OPEN_PERM|unix.FAN_ONDIR, unix.AT_FDCWD, data))
	p.goOn()
	for {
		opened, err := nextOpen(asked)
		must(t, err)
		if missing(place) && !missing(aside) {
			must(t, p.s.Node.Kill("clustersnap"))
			must(t, opened.Close())
			p.ended(t)
			return
		}
		must(t, allow(asked, opened))
	}
}

func missing(name string) bool {
	_, err := os.Lstat(name)
	return errors.Is(err, fs.ErrNotExist)
}

// nextOpen waits for somebody who opens what is watched.
func nextOpen(asked *os.File) (*os.File, error) {
	event := make([]byte, unix.FAN_EVENT_METADATA_LEN) // of one event, as there is no room for two
	n, err := asked.Read(event)
	if err != nil {
		return nil, err
	}
	if n != len(event) {
		return nil, fmt.Errorf("an event has %d bytes", n)
	}
	fd := int32(binary.NativeEndian.Uint32(event[16:])) // struct fanotify_event_metadata
	return os.NewFile(uintptr(fd), "opened"), nil
}

// allow lets them go on.
func allow(asked, opened *os.File) error {
	response := binary.NativeEndian.AppendUint32(nil, uint32(opened.Fd())) // struct fanotify_response
	_, err := asked.Write(binary.NativeEndian.AppendUint32(response, unix.FAN_ALLOW))
	return errors.Join(err, opened.Close())
}
