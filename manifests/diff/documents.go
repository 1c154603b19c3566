package diff

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"regexp"
	"unicode/utf8"
)

// maxFile is the most bytes of a file of manifests.
const maxFile = 32 << 20

// document is one object of a file, or one list of objects, as JSON.
type document struct {
	line int
	json []byte
}

// lineError is an error at a line.
type lineError struct {
	line int
	err  error
}

func (e lineError) Error() string { return e.err.Error() }
func (e lineError) Unwrap() error { return e.err }

// documents gives those of a file of YAML or JSON: YAML documents between markers, each of which may also be a row of JSON
// objects. An error, a lineError, is the last that it gives.
func documents(text []byte) iter.Seq2[document, error] {
	return func(yield func(document, error) bool) {
		text = bytes.TrimPrefix(text, []byte("\ufeff"))
		// yaml also reads UTF-16, which would hide what bounded looks for.
		if !utf8.Valid(text) {
			yield(document{}, lineError{1, errors.New("it is not UTF-8 text: write it in UTF-8")})
			return
		}
		text = bytes.ReplaceAll(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")), []byte("\r"), []byte("\n"))
		if at := oddMarker.FindIndex(text); at != nil {
			yield(document{}, lineError{1 + bytes.Count(text[:at[0]], []byte("\n")), errOddBreak})
			return
		}
		for chunk := range chunks(text) {
			for d, err := range chunk.documents() {
				if !yield(d, err) || err != nil {
					return
				}
			}
		}
	}
}

// chunk is what stands between two markers.
type chunk struct {
	line int // its first
	text []byte
	err  error // of the marker before it
}

// marker is a line that begins or ends a document: inside one, no line begins like that (YAML 1.2, 9.1.2).
var marker = regexp.MustCompile(`(?m)^(?:---|\.\.\.)(?:[ \t].*)?$`)

// oddBreak ends a line in YAML 1.1 and nowhere else: what it begins would be read as something else than it looks like.
const oddBreak = "[\u0085\u2028\u2029]"

var (
	oddMarker   = regexp.MustCompile(oddBreak + `(?:---|\.\.\.)`)
	oddIndent   = regexp.MustCompile(oddBreak)
	errOddBreak = errors.New("a line ends with U+0085, U+2028 or U+2029: " +
		"end it with a newline, or write the character as an escape")
)

var errIndent = errors.New("it is indented less than the first line of its document: indent them alike")

// empty is what a marker may be followed by, and what a document may begin with.
var empty = regexp.MustCompile(`^(?:[ \t]*(?:#[^\n]*)?(?:\n|$))+`)

// chunks splits at the markers.
func chunks(text []byte) iter.Seq[chunk] {
	return func(yield func(chunk) bool) {
		next := chunk{line: 1}
		for {
			at := marker.FindIndex(text)
			if at == nil {
				next.text = text
				yield(next)
				return
			}
			next.text = text[:at[0]]
			line := next.line + bytes.Count(next.text, []byte("\n"))
			if !yield(next) {
				return
			}
			next = chunk{line: line}
			if rest := text[at[0]+3 : at[1]]; len(empty.Find(rest)) != len(rest) {
				next.err = errors.New("something follows the marker of a document: put it on a line of its own")
			}
			text = text[at[1]:]
		}
	}
}

func (c chunk) documents() iter.Seq2[document, error] {
	return func(yield func(document, error) bool) {
		if c.err != nil {
			yield(document{}, lineError{c.line, c.err})
			return
		}
		lead := empty.Find(c.text)
		text, line := c.text[len(lead):], c.line+bytes.Count(lead, []byte("\n"))
		if len(text) == 0 {
			return
		}
		indent := len(text) - len(bytes.TrimLeft(text, " \t"))
		switch first := text[indent]; first {
		case '{':
			jsonDocuments(text, line)(yield)
		case '[', '&', '*', '!', '|', '>', '%', '@', '`':
			err := fmt.Errorf("a manifest can't begin with %q: write it as a map of YAML, or JSON", first)
			yield(document{}, lineError{line, err})
		default:
			found, err := yamlDocument(text, indent)
			var at lineError
			if errors.As(err, &at) {
				err = lineError{line + at.line - 1, at.err}
			} else if err != nil {
				err = lineError{line, err}
			}
			yield(document{line, found}, err)
		}
	}
}

// yamlDocument reads a map of YAML whose first line is indented so much. The parser takes a line that is indented less for
// the next document, which it does not read.
func yamlDocument(text []byte, indent int) ([]byte, error) {
	if indent > 0 {
		if at := oddIndent.FindIndex(text); at != nil {
			return nil, lineError{1 + bytes.Count(text[:at[0]], []byte("\n")), errOddBreak}
		}
		line := 0
		for l := range bytes.Lines(text) {
			line++
			blank := len(bytes.TrimSpace(l)) == 0
			if left := len(l) - len(bytes.TrimLeft(l, " \t")); left < indent && !blank && l[left] != '#' {
				return nil, lineError{line, errIndent}
			}
		}
	}
	return toJSON(text)
}

// jsonDocuments reads JSON objects that follow each other.
func jsonDocuments(text []byte, line int) iter.Seq2[document, error] {
	return func(yield func(document, error) bool) {
		d := json.NewDecoder(bytes.NewReader(text))
		for {
			var raw json.RawMessage
			at := d.InputOffset()
			err := d.Decode(&raw)
			if err == io.EOF {
				return
			}
			blank := len(text[at:]) - len(bytes.TrimLeft(text[at:], " \t\r\n"))
			start := line + bytes.Count(text[at:at+int64(blank)], []byte("\n"))
			if err == nil {
				err = noKeyTwice(raw)
			} else {
				err = errors.New("it begins with { and is not JSON: correct it, or write it as a map of YAML")
			}
			if err != nil {
				yield(document{}, lineError{start, err})
				return
			}
			if !yield(document{start, raw}, nil) {
				return
			}
			line = start + bytes.Count(raw, []byte("\n"))
		}
	}
}

// noKeyTwice looks for a key that is in one map twice: what encoding/json makes of that, others don't.
func noKeyTwice(text []byte) error {
	d := json.NewDecoder(bytes.NewReader(text))
	var open []map[string]bool // nil for a list
	isKey := false
	for {
		token, err := d.Token()
		if err != nil {
			return nil // the end: it is valid
		}
		switch token := token.(type) {
		case json.Delim:
			switch token {
			case '{':
				open = append(open, map[string]bool{})
			case '[':
				open = append(open, nil)
			default:
				open = open[:len(open)-1]
			}
			isKey = true
		case string:
			if len(open) == 0 {
				return nil // it is but a string
			}
			if keys := open[len(open)-1]; keys != nil && isKey {
				if keys[token] {
					return errKeyTwice
				}
				keys[token] = true
				isKey = false
				continue
			}
			isKey = true
		default:
			isKey = true
		}
	}
}

var errKeyTwice = errors.New("a key is there twice in one map: take one away")
