package tree

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// The files that a tree keeps for itself are JSON of one layout: a header of one line a key, then lists with one item a
// line. So they are read with little in memory, git shows what has changed, and two writers write the same bytes.

// lines reads such a file.
type lines struct {
	r    *bufio.Reader
	line int
	read int    // bytes
	long []byte // a line that is longer than the buffer
}

const (
	// maxLine is for names: RBAC takes any that fit in a request to etcd, which has 1.5 MiB by default
	// (--max-request-bytes). An escape makes six bytes of one.
	maxLine = 6*1536<<10 + shortLine
	// shortLine is for all else that a line has, and is the buffer: longer lines are rare.
	shortLine = 64 << 10
	maxList   = 1 << 21   // items; an etcd of 8 GiB holds no such number
	maxLines  = 256 << 20 // bytes of a file: some million objects
)

func newLines(r io.Reader) *lines { return &lines{r: bufio.NewReaderSize(r, shortLine)} }

// next gives a line without its end. It is good until the next call.
func (l *lines) next() ([]byte, error) {
	l.line++
	b, err := l.r.ReadSlice('\n')
	l.read += len(b)
	if errors.Is(err, bufio.ErrBufferFull) {
		l.long = append(l.long[:0], b...)
		for errors.Is(err, bufio.ErrBufferFull) && len(l.long) <= maxLine {
			b, err = l.r.ReadSlice('\n')
			l.read += len(b)
			l.long = append(l.long, b...)
		}
		b = l.long
	}
	switch {
	case len(b) > maxLine:
		return nil, l.wrong("it is longer than %d bytes", maxLine)
	case l.read > maxLines:
		return nil, l.wrong("it has more than %d bytes up to here", maxLines)
	case err == io.EOF:
		return nil, fmt.Errorf("%w: it ends in line %d: %w", ErrCorrupt, l.line, io.ErrUnexpectedEOF)
	case err != nil:
		return nil, err
	}
	return b[:len(b)-1], nil
}

func (l *lines) wrong(format string, args ...any) error {
	return fmt.Errorf("%w: line %d: %w", ErrCorrupt, l.line, fmt.Errorf(format, args...))
}

// expect reads a line that is known.
func (l *lines) expect(want string) error {
	got, err := l.next()
	if err == nil && string(got) != want {
		err = l.wrong("%.40q where %q belongs", got, want)
	}
	return err
}

// field reads the line of a key, and gives its value as it stands there.
func (l *lines) field(key string) ([]byte, error) {
	b, err := l.next()
	if err != nil {
		return nil, err
	}
	value, ok := bytes.CutPrefix(b, []byte(`"`+key+`": `))
	value, ended := bytes.CutSuffix(value, []byte(","))
	if !ok || !ended {
		return nil, l.wrong("%.40q where the key %q belongs", b, key)
	}
	return value, nil
}

// begin reads the first two lines, which every version has.
func (l *lines) begin() error {
	if err := l.expect("{"); err != nil {
		return err
	}
	value, err := l.field("version")
	if err != nil {
		return err
	}
	version, err := strconv.Atoi(string(value))
	if err != nil || version < 1 || strconv.Itoa(version) != string(value) {
		return l.wrong("%.40q is no version", value)
	}
	if version > formatVersion {
		return fmt.Errorf("%w: it is of version %d, and this reads version %d: take a newer clustersnap",
			ErrNewer, version, formatVersion)
	}
	return nil
}

// itemList is a list that is read item by item.
type itemList struct {
	l    *lines
	end  string // what follows the bracket on the last line: a comma, or nothing
	n    int
	more bool // an item may follow
}

func (l *lines) items(key, end string) (*itemList, error) {
	if err := l.expect(`"` + key + `": [`); err != nil {
		return nil, err
	}
	return &itemList{l: l, end: end, more: true}, nil
}

// next gives the next item, which is good until the next call, or false behind the last.
func (it *itemList) next() ([]byte, bool, error) {
	b, err := it.l.next()
	if err != nil {
		return nil, false, err
	}
	switch {
	case string(b) == "]"+it.end && (it.n == 0 || !it.more):
		return nil, false, nil
	case !it.more:
		return nil, false, it.l.wrong("a comma is missing before it")
	case it.n == maxList:
		return nil, false, it.l.wrong("the list has more than %d items", maxList)
	}
	it.n++
	b, it.more = bytes.CutSuffix(b, []byte(","))
	return b, true, nil
}

// list reads a whole list.
func (l *lines) list(key, end string, each func(item []byte) error) error {
	it, err := l.items(key, end)
	if err != nil {
		return err
	}
	for {
		b, ok, err := it.next()
		if !ok || err != nil {
			return err
		}
		if err := each(b); err != nil {
			return l.wrong("%w", err)
		}
	}
}

// end reads the last line and makes sure that it is.
func (l *lines) end() error {
	if err := l.expect("}"); err != nil {
		return err
	}
	if _, err := l.r.ReadByte(); err != io.EOF {
		l.line++
		return l.wrong("something follows the end")
	}
	return nil
}

// printer writes what lines reads. Its first error stays until end.
type printer struct {
	w       *bufio.Writer
	buf     []byte // the item that waits to be written
	waits   bool
	written int
	err     error
}

func newPrinter(w io.Writer) *printer {
	p := &printer{w: bufio.NewWriterSize(w, shortLine)}
	p.put([]byte("{"))
	p.field("version", strconv.AppendInt(nil, formatVersion, 10))
	return p
}

// put writes a line, unless no reader would take it.
func (p *printer) put(line []byte) {
	line = append(line, '\n')
	p.written += len(line)
	switch {
	case p.err != nil:
		return
	case len(line) > maxLine:
		p.err = fmt.Errorf("a line takes %d bytes, of at most %d: %.80s", len(line), maxLine, line)
		return
	case p.written > maxLines:
		p.err = fmt.Errorf("it takes more than %d bytes: dump less into one tree", maxLines)
		return
	}
	p.w.Write(line) // bufio keeps its error
}

func (p *printer) field(key string, value []byte) {
	p.put(fmt.Appendf(nil, "%q: %s,", key, value))
}

// list writes n items that item appends.
func (p *printer) list(key, end string, n int, item func(b []byte, i int) []byte) {
	p.open(key)
	for i := range n {
		p.item(func(b []byte) []byte { return item(b, i) })
	}
	p.close(end)
}

// open begins a list, of which item writes each and close the end.
func (p *printer) open(key string) {
	p.put(fmt.Appendf(nil, "%q: [", key))
	p.waits = false
}

// item writes the item before: only now is it known that a comma follows that.
func (p *printer) item(appended func(b []byte) []byte) {
	if p.waits {
		p.put(append(p.buf, ','))
	}
	p.buf, p.waits = appended(p.buf[:0]), true
}

func (p *printer) close(end string) {
	if p.waits {
		p.put(p.buf)
	}
	p.put([]byte("]" + end))
}

// json appends a value as JSON.
func (p *printer) json(b []byte, value any) []byte {
	item, err := json.Marshal(value)
	if p.err == nil {
		p.err = err
	}
	return append(b, item...)
}

func (p *printer) end() error {
	p.put([]byte("}"))
	return errors.Join(p.err, p.w.Flush())
}

// appendPair appends a key and a string to an object. Empty values have no pair.
func appendPair(b []byte, key, value string) []byte {
	if value == "" {
		return b
	}
	return appendString(appendKey(b, key), value)
}

func appendKey(b []byte, key string) []byte {
	if b[len(b)-1] != '{' {
		b = append(b, ',')
	}
	b = append(append(b, '"'), key...)
	return append(b, '"', ':')
}

const digits = "0123456789abcdef"

// appendString is JSON in a single form, which does not change with a Go release.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	for _, c := range []byte(s) {
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < 0x20:
			b = append(b, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}
