package manifests

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// style is how a string is written.
type style uint8

const (
	stylePlain  style = iota // as it is
	styleSingle              // within ': nothing but ' is escaped
	styleDouble              // within ", escaped as in JSON
	styleBlock               // its lines after |, as they are
)

// styleOf gives the style for a string: the most readable one that YAML 1.1 and YAML 1.2 both read as this very string.
//
// Source: the productions of YAML 1.2.2 (ns-plain, l-literal-content, c-printable) and the types of YAML 1.1
// (https://yaml.org/type/): what either schema has for null, bool, int, float, timestamp, merge or value is quoted.
func styleOf(s []byte) style {
	if len(s) == 0 {
		return styleDouble
	}
	var lines, tabs, quotes, unsafe bool
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case harmless[c]:
		case c == '\n':
			lines = true
		case c == '\t':
			tabs = true
		case c < ' ' || c == 0x7f:
			return styleDouble
		case c == ':':
			unsafe = unsafe || i+1 == len(s) || s[i+1] == ' '
		case c == '#':
			unsafe = unsafe || i > 0 && s[i-1] == ' '
		case c == '"' || c == '\\':
			quotes = true
		case c >= utf8.RuneSelf:
			char, size := utf8.DecodeRune(s[i:])
			if !printable(char) {
				return styleDouble
			}
			i += size - 1
		}
	}
	switch {
	case lines && len(bytes.TrimLeft(s, "\n")) > 0:
		return styleBlock
	case lines || tabs:
		return styleDouble
	case !unsafe && !indicates(s) && !misread(s):
		return stylePlain
	case quotes:
		return styleSingle
	}
	return styleDouble
}

// harmless are the bytes that need no look within a string: all of printable ASCII but four.
var harmless = func() (set [256]bool) {
	for c := byte(' '); c < 0x7f; c++ {
		set[c] = strings.IndexByte(`:#"\`, c) < 0
	}
	return set
}()

// printable reports whether a character outside of ASCII stands for itself in every YAML: NEL, LS and PS end a line in YAML
// 1.1, the BOM is dropped, and others are forbidden.
func printable(char rune) bool {
	switch char {
	case '\u2028', '\u2029', '\uFEFF', '\uFFFE', '\uFFFF':
		return false
	}
	return char >= 0xA0
}

// indicates reports whether the first or last character would be read as more than text.
func indicates(s []byte) bool {
	if s[0] == ' ' || s[len(s)-1] == ' ' || bytes.HasPrefix(s, []byte("---")) || bytes.HasPrefix(s, []byte("...")) {
		return true
	}
	if s[0] == '-' { // as in --flag
		return len(s) == 1 || s[1] == ' '
	}
	return strings.IndexByte("?:,[]{}#&*!|>'\"%@`", s[0]) >= 0
}

// misread reports whether a plain scalar would be taken for something other than a string. It says so of some that would
// not, too: what is made of digits and the signs of numbers, dates and times only.
func misread(s []byte) bool {
	switch first := s[0]; {
	case first == '~' || first == '=' || first == '<':
		return len(s) == 1 || string(s) == "<<"
	case 'A' <= first && first <= 'z':
		return isWord(s)
	case '0' <= first && first <= '9' || first == '-' || first == '+' || first == '.':
		return numeric(s)
	}
	return false
}

// isWord reports whether s is null or a bool of YAML 1.1, in whatever case.
func isWord(s []byte) bool {
	if len(s) > len("false") {
		return false
	}
	var lower [len("false")]byte
	for i, c := range s {
		lower[i] = c | 0x20
	}
	switch string(lower[:len(s)]) {
	case "null", "true", "false", "yes", "no", "on", "off", "y", "n":
		return true
	}
	return false
}

// numeric reports whether s might be a number, a date or a time: 1_000, 0o17, 0x1F, 1e3, 12:30, .inf, 2001-12-14 21:59:43.
func numeric(s []byte) bool {
	digits := bytes.TrimLeft(s, "+-")
	switch {
	case len(bytes.TrimLeft(s, "0123456789+-.,:_eE")) == 0:
		return true
	case len(digits) > 1 && digits[0] == '0' && strings.IndexByte("xXoObB", digits[1]) >= 0:
		return true
	case len(digits) == 4 && digits[0] == '.':
		word := string(bytes.ToLower(digits[1:]))
		return word == "inf" || word == "nan"
	}
	return len(s) > 4 && s[4] == '-' && len(bytes.TrimLeft(s[:4], "0123456789")) == 0
}

// quoted writes a string within double quotes, on the line. The escapes are those of JSON, which YAML has too.
func (w *yamlWriter) quoted(s []byte) {
	const hex = "0123456789abcdef"
	w.out = append(w.out, '"')
	done := 0
	for i := 0; i < len(s); {
		char, size := rune(s[i]), 1
		if char >= utf8.RuneSelf {
			char, size = utf8.DecodeRune(s[i:])
		}
		if escaped := char < ' ' || char == '"' || char == '\\' || char >= 0x7f && !printable(char); !escaped {
			i += size
			continue
		}
		w.out = append(w.out, s[done:i]...)
		i += size
		done = i
		if at := strings.IndexByte(meant, byte(char)); char < utf8.RuneSelf && at >= 0 {
			w.out = append(w.out, '\\', escapes[at])
			continue
		}
		w.out = append(w.out, '\\', 'u', hex[char>>12&15], hex[char>>8&15], hex[char>>4&15], hex[char&15])
	}
	w.out = append(w.out, s[done:]...)
	w.out = append(w.out, '"')
}

// block writes a string as a literal block scalar, at a column, and ends the line.
func (w *yamlWriter) block(s []byte, column int) {
	w.out = append(w.out, '|')
	if c := bytes.TrimLeft(s, "\n")[0]; c == ' ' || c == '\t' {
		w.out = append(w.out, '2') // for the first line does not show how far the block is indented
	}
	switch {
	case s[len(s)-1] != '\n':
		w.out = append(w.out, '-')
	case s[len(s)-2] == '\n':
		w.out = append(w.out, '+')
	}
	w.out = append(w.out, '\n')
	for rest := s; len(rest) > 0; {
		line := rest
		if i := bytes.IndexByte(rest, '\n'); i >= 0 {
			line = rest[:i]
			rest = rest[i+1:]
		} else {
			rest = nil
		}
		if len(line) > 0 {
			w.indent(column)
			w.out = append(w.out, line...)
		}
		w.out = append(w.out, '\n')
	}
}
