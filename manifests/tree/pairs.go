package tree

import (
	"bytes"
	"errors"
	"fmt"
)

var errPairs = errors.New("it is no object of strings, numbers and true, written as this package does")

// eachPair hands on the keys and values of an object that appendPair and its like have written: a string without its quotes
// and escapes, a number or true as it stands. Both are good until each returns. A general reader of JSON takes ten times as
// long, and these lines are most of what it takes to hold a large cluster against its tree.
//
// What has more than one way to be written is not settled here: a caller who cares writes the object again and compares.
func eachPair(object []byte, each func(key, value []byte) error) error {
	rest, ok := bytes.CutPrefix(object, []byte("{"))
	var buf []byte // of a value with escapes
	for n := 0; ok && string(rest) != "}"; n++ {
		if n > 0 {
			if rest, ok = bytes.CutPrefix(rest, []byte(",")); !ok {
				break
			}
		}
		var key, value []byte
		if key, rest, ok = cutPlain(rest); !ok {
			break
		}
		if value, rest, ok = cutValue(rest, &buf); !ok {
			break
		}
		if err := each(key, value); err != nil {
			return err
		}
	}
	if !ok {
		return fmt.Errorf("%.80q: %w", object, errPairs)
	}
	return nil
}

// cutPlain cuts a key with its colon.
func cutPlain(b []byte) (key, rest []byte, ok bool) {
	if b, ok = bytes.CutPrefix(b, []byte(`"`)); !ok {
		return nil, nil, false
	}
	key, rest, ok = bytes.Cut(b, []byte(`":`))
	return key, rest, ok && bytes.IndexByte(key, '"') < 0 && bytes.IndexByte(key, '\\') < 0
}

// cutValue cuts a string, a whole number or true.
func cutValue(b []byte, buf *[]byte) (value, rest []byte, ok bool) {
	text, quoted := bytes.CutPrefix(b, []byte(`"`))
	if !quoted {
		rest = bytes.TrimLeft(b, "-0123456789true")
		n := len(b) - len(rest)
		return b[:n], rest, n > 0
	}
	n := bytes.IndexAny(text, `"\`)
	if n >= 0 && text[n] == '"' {
		return text[:n], text[n+1:], true
	}
	*buf = (*buf)[:0]
	for n >= 0 && text[n] == '\\' {
		*buf = append(*buf, text[:n]...)
		if text, ok = cutEscape(text[n+1:], buf); !ok {
			return nil, nil, false
		}
		n = bytes.IndexAny(text, `"\`)
	}
	if n < 0 {
		return nil, nil, false
	}
	*buf = append(*buf, text[:n]...)
	return *buf, text[n+1:], true
}

// cutEscape appends what an escape stands for, of those that appendString writes.
func cutEscape(b []byte, buf *[]byte) (rest []byte, ok bool) {
	switch {
	case len(b) > 0 && (b[0] == '"' || b[0] == '\\'):
		*buf = append(*buf, b[0])
		return b[1:], true
	case len(b) >= 5 && string(b[:3]) == "u00":
		high, low := bytes.IndexByte([]byte(digits), b[3]), bytes.IndexByte([]byte(digits), b[4])
		*buf = append(*buf, byte(high<<4|low))
		return b[5:], high >= 0 && low >= 0
	}
	return nil, false
}
