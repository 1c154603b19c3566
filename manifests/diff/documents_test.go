package diff

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"

	parser "go.yaml.in/yaml/v2"
)

// seeds are files in all forms, sound ones and others.
var seeds = []string{
	"", "---\n", "a: b\n", "a: b\n---\nc: d\n", "  a: b\n  c: d\n", "  a: b\nc: d\n", "# c\n--- # c\na: b\n...\nc: d\n",
	`{"a":1}{"b":2}`, "{\"a\":1}\n---\nb: 2\n", "a: {b: [c, &d e, *d]}\n", "a: |\n  ---\n  b\n", "a: 'x\n\n  z'\n--- \n'b': 1\n",
	"a: b\r\n---\r\nc: d\r\n", "\ufeffa: b", "? a\n: b\n", "a: b\n]\n", "a: !!binary eA==\n", "<<: &x {a: b}\n", "a: 1e400\n", "yes: 1\n",
	"apiVersion: v1\nkind: List\nitems: [{kind: X, metadata: {name: y}}]\n", "1: a\n1.0: b\n", "a: b\n...\n", "\"a\": b\nc: d", "[]\n", "~", "a",
}

// FuzzDocuments looks for panics, for output that is no JSON, and for documents that get lost.
func FuzzDocuments(f *testing.F) {
	for _, seed := range seeds {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var ours []any
		for d, err := range documents(text) {
			if at := (lineError{}); err != nil && (!errors.As(err, &at) || at.line < 1) {
				t.Fatalf("%q: the error has no line: %v", text, err)
			}
			if err != nil {
				return
			}
			if !json.Valid(d.json) {
				t.Fatalf("%q: %q is no JSON", text, d.json)
			}
			if d.line < 1 || d.line > bytes.Count(text, []byte("\n"))+bytes.Count(text, []byte("\r"))+1 {
				t.Fatalf("%q: line %d", text, d.line)
			}
			if err := flatten(d, func(_ int, object []byte) {
				if tree, err := treeOf(object); err != nil || tree == nil {
					t.Fatalf("%q: %q is no object: %v", text, object, err)
				}
			}); err != nil {
				return
			}
			if string(d.json) != "null" {
				ours = append(ours, d.json)
			}
		}
		if bytes.Contains(text, []byte("{")) {
			return // JSON, in which other things are valid
		}
		theirs, ok := oracle(text)
		if ok && len(ours) != len(theirs) {
			t.Fatalf("%q: %d documents, the parser of YAML finds %d: %v", text, len(ours), len(theirs), theirs)
		}
	})
}

// oracle reads a stream of YAML documents by the parser's own idea of where they end. It gives those that are there.
func oracle(text []byte) (documents []any, ok bool) {
	d := parser.NewDecoder(bytes.NewReader(text))
	for {
		var v any
		if err := d.Decode(&v); err == io.EOF {
			return documents, true
		} else if err != nil {
			return nil, false
		}
		if v != nil {
			documents = append(documents, v)
		}
	}
}

func TestSeedsAreThere(t *testing.T) {
	sound, broken, several := 0, 0, 0
	for _, seed := range seeds {
		n := 0
		for _, err := range documents([]byte(seed)) {
			if n++; err != nil {
				broken++
				n = 0
			}
		}
		if n > 0 {
			sound++
		}
		if n > 1 {
			several++
		}
	}
	if sound < 10 || broken < 3 || several < 3 {
		t.Errorf("of %d seeds %d are sound, %d of several documents, %d broken", len(seeds), sound, several, broken)
	}
}

// What a rule is written as leads to where the path of a difference leads.
func FuzzSteps(f *testing.F) {
	for _, key := range []string{"a", "a.b/c", "", "ü]", "a b", "*", "1", "a\"b", "x=y", "\x00", "\\", "[", "name", "a~b/c", "~1"} {
		f.Add(key, key)
	}
	f.Fuzz(func(t *testing.T, key, value string) {
		tree := map[string]any{key: []any{map[string]any{"name": value, "x": "y"}, map[string]any{"name": value + "2"}}}
		steps, err := parseSteps(child("", key) + "[name=" + quoted(value) + "].x")
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]any{key: []any{map[string]any{"name": value}, map[string]any{"name": value + "2"}}}
		if got, _ := without(tree, steps); !reflect.DeepEqual(got, want) {
			t.Errorf("%q, %q: there is %v", key, value, got)
		}
		pointer := "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(key) + "/0"
		if steps, err = parseSteps(pointer); err != nil {
			t.Fatal(err)
		}
		want = map[string]any{key: []any{map[string]any{"name": value + "2"}}}
		if got, _ := without(tree, steps); key != "*" && !reflect.DeepEqual(got, want) {
			t.Errorf("%q: there is %v", key, got)
		}
	})
}
