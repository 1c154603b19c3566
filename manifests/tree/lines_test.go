package tree

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
)

// endless gives the same bytes again and again.
type endless struct {
	line string
	at   int
}

func (e *endless) Read(p []byte) (int, error) {
	n := copy(p, e.line[e.at:])
	e.at = (e.at + n) % len(e.line)
	return n, nil
}

// What names that are as long as etcd takes them make of an index can be read back, and no more than that is taken in.
func TestLongLinesAndFiles(t *testing.T) {
	longest := sample()
	longest.records[1].Name = strings.Repeat("\x01", 1536<<10)
	if _, err := readIndex(bytes.NewReader(written(t, longest))); err != nil {
		t.Errorf("the longest name is refused: %v", err)
	}
	longest.records[1].Name += strings.Repeat("\x01", shortLine)
	if err := longest.write(io.Discard); err == nil {
		t.Error("a longer one is written")
	}

	line := strings.Repeat("x", shortLine) // of three pieces
	begin := "\"objects\": [\n"
	got := 0
	l := newLines(io.MultiReader(strings.NewReader(begin), &endless{line: line + line + "\n"}))
	err := l.list("objects", "", func(item []byte) error {
		got += len(item)
		if len(item) != 2*len(line) {
			return errors.New("it is of another length")
		}
		return nil
	})
	if !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "comma") {
		t.Errorf("without commas: %v", err)
	}
	l = newLines(io.MultiReader(strings.NewReader(begin), &endless{line: line + line + ",\n"}))
	err = l.list("objects", "", func(item []byte) error { got += len(item); return nil })
	if !errors.Is(err, ErrCorrupt) || got > maxLines || got < maxLines*9/10 {
		t.Errorf("after %d bytes: %v", got, err)
	}
	l = newLines(&endless{line: "x"})
	if _, err := l.next(); !errors.Is(err, ErrCorrupt) || len(l.long) > maxLine+shortLine {
		t.Errorf("a line without an end: %v after %d bytes", err, len(l.long))
	}

	p := newPrinter(io.Discard)
	p.list("objects", "", maxLines/len(line), func(b []byte, _ int) []byte { return append(b, line...) })
	if err := p.end(); err == nil {
		t.Error("more is written than anyone reads")
	}
}
