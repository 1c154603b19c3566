package tree

import (
	"bufio"
	"errors"
	"io"
	"os"
	"slices"
)

const (
	runsName = "runs" // in the stage
	// runLength is how many records are kept in memory, some 5 MiB, before they go to disk.
	runLength = 8192
	runBuffer = 16 << 10 // to read each run; a dump of a million objects has some hundred
)

// runs keeps the records of a dump for its commit, which needs them sorted and more than once: on disk in sorted runs, and
// the last ones in memory. A dump that is small needs no disk.
type runs struct {
	last []*record
	file *os.File
	size int64
	list []run
}

// run is a piece of the file.
type run struct {
	at, size int64
	records  int
}

func (rs *runs) add(r *record) { rs.last = append(rs.last, r) }

func (rs *runs) full() bool { return len(rs.last) >= runLength }

// spill writes what is in memory to the stage.
func (rs *runs) spill(stage *os.Root) error {
	if rs.file == nil {
		var err error
		if rs.file, err = stage.OpenFile(runsName, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600); err != nil {
			return err
		}
	}
	rs.sort()
	p := &printer{w: bufio.NewWriterSize(rs.file, shortLine)}
	var line []byte
	for _, r := range rs.last {
		line = r.appendRun(line[:0])
		p.put(line)
		line = r.row().append(line[:0])
		p.put(line)
	}
	if err := errors.Join(p.err, p.w.Flush()); err != nil {
		return err
	}
	rs.list = append(rs.list, run{rs.size, int64(p.written), len(rs.last)})
	rs.size += int64(p.written)
	clear(rs.last)
	rs.last = rs.last[:0]
	return nil
}

func (rs *runs) sort() {
	slices.SortFunc(rs.last, func(a, b *record) int { return a.Compare(b.Key) })
}

// close removes what was written: nothing of it is to reach the disk with what is kept.
func (rs *runs) close(stage *os.Root) error {
	if rs.file == nil {
		return nil
	}
	err := errors.Join(rs.file.Close(), stage.Remove(runsName))
	rs.file = nil
	return err
}

// sorted begins to read all records in the order of their keys.
func (rs *runs) sorted() (*sorted, error) {
	rs.sort()
	s := &sorted{}
	known := words{}
	for _, one := range rs.list {
		in := bufio.NewReaderSize(io.NewSectionReader(rs.file, one.at, one.size), runBuffer)
		if err := s.push(&runReader{l: &lines{r: in}, left: one.records, known: known}); err != nil {
			return nil, err
		}
	}
	return s, s.push(&runReader{memory: rs.last})
}

// sorted merges runs. It is a heap: the run whose record comes first is the first.
type sorted struct{ heap []*runReader }

// next gives the next record, or nil behind the last.
func (s *sorted) next() (*record, error) {
	if len(s.heap) == 0 {
		return nil, nil
	}
	first := s.heap[0]
	r := first.head
	if err := first.advance(); err != nil {
		return nil, err
	}
	if first.head == nil {
		last := len(s.heap) - 1
		s.heap[0] = s.heap[last]
		s.heap = s.heap[:last]
	}
	s.down()
	return r, nil
}

// push adds a run, unless there is nothing in it.
func (s *sorted) push(r *runReader) error {
	if err := r.advance(); err != nil || r.head == nil {
		return err
	}
	s.heap = append(s.heap, r)
	for i := len(s.heap) - 1; i > 0; {
		up := (i - 1) / 2
		if !s.less(i, up) {
			break
		}
		s.heap[i], s.heap[up] = s.heap[up], s.heap[i]
		i = up
	}
	return nil
}

// down brings the first run to where it belongs.
func (s *sorted) down() {
	for i := 0; ; {
		child := 2*i + 1
		if child+1 < len(s.heap) && s.less(child+1, child) {
			child++
		}
		if child >= len(s.heap) || !s.less(child, i) {
			return
		}
		s.heap[i], s.heap[child] = s.heap[child], s.heap[i]
		i = child
	}
}

func (s *sorted) less(i, j int) bool { return s.heap[i].head.Compare(s.heap[j].head.Key) < 0 }

// runReader reads one run, from a file or from memory.
type runReader struct {
	head   *record // nil behind the last
	memory []*record
	l      *lines // nil if the run is in memory
	left   int
	known  words
}

func (r *runReader) advance() error {
	r.head = nil
	if r.l == nil {
		if len(r.memory) > 0 {
			r.head, r.memory = r.memory[0], r.memory[1:]
		}
		return nil
	}
	if r.left == 0 {
		return nil
	}
	r.left--
	line, err := r.l.next()
	if err != nil {
		return err
	}
	if r.head, err = parseRun(line, r.known); err != nil {
		return r.l.wrong("%w", err)
	}
	if line, err = r.l.next(); err != nil {
		return err
	}
	known, err := parseRow(line)
	if err != nil {
		return r.l.wrong("%w", err)
	}
	r.head.know(known)
	return nil
}

// appendRun writes a record that came with a dump: as in the index, behind a letter that says whether its file is staged.
func (r *record) appendRun(b []byte) []byte {
	letter := byte('-')
	if r.staged {
		letter = '+'
	}
	return r.append(append(b, letter))
}

func parseRun(line []byte, known words) (*record, error) {
	if len(line) == 0 || line[0] != '+' && line[0] != '-' {
		return nil, errors.New("it does not say whether it is staged")
	}
	r, err := parseRecord(line[1:], known)
	if err != nil {
		return nil, err
	}
	r.staged, r.intact = line[0] == '+', true
	return r, nil
}
