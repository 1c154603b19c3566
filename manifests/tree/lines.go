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

// list reads a list that end follows on the same line: a comma, or nothing in the last one.
func (l *lines) list(key, end string, each func(item []byte) error) error {
	if err := l.expect(`"` + key + `": [`); err != nil {
		return err
	}
	more := true // an item may follow
	for n := 0; ; n++ {
		b, err := l.next()
		if err != nil {
			return err
		}
		if string(b) == "]"+end && (n == 0 || !more) {
			return nil
		}
		if !more {
			return l.wrong("a comma is missing before it")
		}
		if n == maxList {
			return l.wrong("the list has more than %d items", maxList)
		}
		b, more = bytes.CutSuffix(b, []byte(","))
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
	buf     []byte
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
	p.put(fmt.Appendf(nil, "%q: [", key))
	for i := range n {
		p.buf = item(p.buf[:0], i)
		if i < n-1 {
			p.buf = append(p.buf, ',')
		}
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

// appendString is JSON in a single form, which does not change with a Go release.
func appendString(b []byte, s string) []byte {
	const digits = "0123456789abcdef"
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
