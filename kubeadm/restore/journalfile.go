package restore

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/clustersnap/clustersnap/internal/durable"
)

// journalRoom is what a journal has on its file system from the start, so that a restore can be taken back on a full one. That
// is the only thing which then makes room.
const journalRoom = 64 << 10

// errLocked says that another process has the journal open.
var errLocked = errors.New("another process is at work on the restore: wait for it to end")

// journal is a record that is on disk, and locked by the process that goes on with it.
type journal struct {
	record
	file   *os.File
	size   int64 // of its whole lines
	broken error // why nothing can be written any more
}

// openJournal locks a journal and reads it. One without a whole line is empty: nothing was begun.
func openJournal(path string) (*journal, error) {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	locked, err := durable.Lock(file)
	if err == nil && !locked {
		err = fmt.Errorf("%w: %s is locked", errLocked, path)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	j := &journal{file: file}
	if err := j.read(); err != nil {
		return nil, errors.Join(fmt.Errorf("read %s: %w", path, err), file.Close())
	}
	return j, nil
}

// read reads a journal, and cuts off a torn line.
func (j *journal) read() error {
	data, err := io.ReadAll(io.LimitReader(j.file, maxJournal+1))
	if err != nil {
		return err
	}
	if len(data) > maxJournal {
		return fmt.Errorf("%w: it has more than %d bytes", ErrJournal, maxJournal)
	}
	r, whole, err := parseJournal(data)
	if err != nil {
		return err
	}
	j.record, j.size = *r, int64(whole)
	if whole == len(data) {
		return nil // cutting would give back the room
	}
	return j.cut()
}

// cut removes what is behind the last whole line.
func (j *journal) cut() error {
	if err := j.file.Truncate(j.size); err != nil {
		return err
	}
	if _, err := j.file.Seek(j.size, io.SeekStart); err != nil {
		return err
	}
	_ = reserve(j.file, journalRoom) // on a full file system the journal goes on as it can
	return nil
}

// createJournal begins one with its first line, or leaves nothing. The directory is there.
func createJournal(path string, first line) (*journal, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	j := &journal{file: file}
	locked, err := durable.Lock(file)
	if err == nil && !locked {
		return nil, errors.Join(fmt.Errorf("%w: it has begun %s", errLocked, path), file.Close())
	}
	if err == nil {
		err = reserve(file, journalRoom)
	}
	if err == nil {
		err = j.write(first)
	}
	if err == nil {
		err = durable.Sync(filepath.Dir(path))
	}
	if err != nil {
		return nil, errors.Join(err, os.Remove(path), file.Close())
	}
	return j, nil
}

// write appends a line. What it says counts once it is on disk. After an error there is nothing of it.
func (j *journal) write(l line) error {
	if j.broken != nil {
		return fmt.Errorf("%w: it could not be written before: %w", ErrJournal, j.broken)
	}
	text, err := json.Marshal(l)
	if err != nil {
		return err
	}
	_, err = j.file.Write(append(text, '\n'))
	if err == nil {
		err = j.file.Sync()
	}
	if err != nil {
		err = fmt.Errorf("write journal: %w", err)
		if cerr := j.cut(); cerr != nil {
			j.broken = errors.Join(err, cerr)
		}
		return err
	}
	j.size += int64(len(text)) + 1
	return j.add(text)
}
