package manifests

import (
	"bytes"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// scalar reads a string, a number, true, false or null, which begins with c.
func (d *jsonTree) scalar(c byte) (shape, span, error) {
	switch {
	case c == '"':
		s, err := d.text()
		return shapeText, s, err
	case c == '-' || '0' <= c && c <= '9':
		s, err := d.number()
		return shapeNumber, s, err
	}
	for _, word := range [...]string{"null", "true", "false"} {
		if bytes.HasPrefix(d.src[d.pos:d.end], []byte(word)) {
			start := d.pos
			d.pos += len(word)
			return shapeLiteral, span{uint32(start), uint32(d.pos)}, nil
		}
	}
	return 0, span{}, d.broken("want a value")
}

// number reads a number by the grammar of RFC 8259. It is never converted.
func (d *jsonTree) number() (span, error) {
	start := d.pos
	if d.src[d.pos] == '-' {
		d.pos++
	}
	zero := d.pos < d.end && d.src[d.pos] == '0'
	if n := d.digits(); n == 0 || zero && n > 1 {
		return span{}, d.broken("want a number")
	}
	if d.pos < d.end && d.src[d.pos] == '.' {
		d.pos++
		if d.digits() == 0 {
			return span{}, d.broken("want a digit after the point")
		}
	}
	if d.pos < d.end && d.src[d.pos]|0x20 == 'e' {
		d.pos++
		if d.pos < d.end && (d.src[d.pos] == '+' || d.src[d.pos] == '-') {
			d.pos++
		}
		if d.digits() == 0 {
			return span{}, d.broken("want a digit in the exponent")
		}
	}
	return span{uint32(start), uint32(d.pos)}, nil
}

// digits passes digits and says how many.
func (d *jsonTree) digits() int {
	start := d.pos
	for d.pos < d.end && '0' <= d.src[d.pos] && d.src[d.pos] <= '9' {
		d.pos++
	}
	return d.pos - start
}

// ordinary passes the bytes of a string that stand for themselves, and gives the byte that does not, 0 at the end.
func (d *jsonTree) ordinary() byte {
	rest := d.src[d.pos:d.end]
	for i, c := range rest {
		if c < ' ' || c == '"' || c == '\\' {
			d.pos += i
			return c
		}
	}
	d.pos = d.end
	return 0
}

// text reads a string and decodes it in place.
func (d *jsonTree) text() (span, error) {
	d.pos++
	start := d.pos
	c := d.ordinary()
	if c == '"' {
		d.pos++
		return span{uint32(start), uint32(d.pos - 1)}, nil
	}
	to := d.pos // where decoded text goes
	for c == '\\' {
		char, err := d.escape()
		if err != nil {
			return span{}, err
		}
		to = len(utf8.AppendRune(d.src[:to], char))
		from := d.pos
		c = d.ordinary()
		to += copy(d.src[to:], d.src[from:d.pos])
	}
	if c != '"' {
		return span{}, d.broken("a string has a control character or no end")
	}
	d.pos++
	return span{uint32(start), uint32(to)}, nil
}

// passText passes a string that text would read.
func (d *jsonTree) passText() error {
	d.pos++
	for c := d.ordinary(); c != '"'; c = d.ordinary() {
		if c != '\\' {
			return d.broken("a string has a control character or no end")
		}
		if _, err := d.escape(); err != nil {
			return err
		}
	}
	d.pos++
	return nil
}

// escapes are what may follow a backslash but for u, and meant are the characters that they stand for.
const (
	escapes = `"\/bfnrt`
	meant   = "\"\\/\b\f\n\r\t"
)

// escape reads what begins with a backslash.
func (d *jsonTree) escape() (rune, error) {
	d.pos++
	if d.pos == d.end {
		return 0, d.broken("a string has no end")
	}
	c := d.src[d.pos]
	if i := strings.IndexByte(escapes, c); i >= 0 {
		d.pos++
		return rune(meant[i]), nil
	}
	if c != 'u' {
		return 0, d.broken("an escape that JSON does not know")
	}
	char, err := d.hex()
	if err != nil || !utf16.IsSurrogate(char) {
		return char, err
	}
	if !bytes.HasPrefix(d.src[d.pos:d.end], []byte(`\u`)) {
		return 0, d.broken("half a surrogate pair")
	}
	d.pos++
	low, err := d.hex()
	if err != nil {
		return 0, err
	}
	if char = utf16.DecodeRune(char, low); char == utf8.RuneError {
		return 0, d.broken("half a surrogate pair")
	}
	return char, nil
}

// hex reads u and four digits.
func (d *jsonTree) hex() (rune, error) {
	if d.end-d.pos < 5 {
		return 0, d.broken("an escape has no end")
	}
	var char rune
	for _, c := range d.src[d.pos+1 : d.pos+5] {
		switch {
		case '0' <= c && c <= '9':
			char = char<<4 | rune(c-'0')
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			char = char<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, d.broken("an escape is not of hexadecimal digits")
		}
	}
	d.pos += 5
	return char, nil
}
