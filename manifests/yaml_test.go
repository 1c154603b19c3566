package manifests

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"sigs.k8s.io/yaml"
)

// render writes JSON, whose root is a mapping, as YAML with no rule of Kubernetes' objects applied.
func render(t testing.TB, source []byte) ([]byte, error) {
	t.Helper()
	var d jsonTree
	root, err := d.read(bytes.Clone(source), elsewhere)
	if err != nil {
		return nil, err
	}
	if root.shape != shapeMapping {
		t.Fatalf("%s is not a mapping", source)
	}
	w := yamlWriter{jsonTree: &d}
	w.write(root)
	return w.out, nil
}

// decoded is what a JSON text means, with every number as the float64 next to it: the oracle knows no others but int64.
func decoded(t testing.TB, source []byte) any {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(source))
	decoder.UseNumber()
	var v any
	if err := decoder.Decode(&v); err != nil {
		t.Fatalf("decode %q: %v", source, err)
	}
	return rounded(v)
}

func rounded(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k := range v {
			v[k] = rounded(v[k])
		}
	case []any:
		for i := range v {
			v[i] = rounded(v[i])
		}
	case json.Number:
		f, _ := v.Float64()
		return f
	}
	return v
}

// readsEqual fails the test unless the oracle reads the YAML as the JSON.
func readsEqual(t testing.TB, written, source []byte) {
	t.Helper()
	back, err := yaml.YAMLToJSONStrict(written)
	if err != nil {
		t.Fatalf("%q became what cannot be read: %v\n%s", source, err, written)
	}
	if got, want := decoded(t, back), decoded(t, source); !reflect.DeepEqual(got, want) {
		t.Fatalf("%q became what reads as %q:\n%s", source, back, written)
	}
}

// misreadable are strings that some reader of YAML takes for something else, or that are hard to write.
var misreadable = []string{
	"", " ", "  ", "a ", " a", "a\t", "\ta", "\t", "~", "null", "Null", "NULL", "true", "True", "TRUE", "false", "yes",
	"Yes",
	"YES", "no", "No", "n", "N", "y", "Y", "on", "On", "off", "OFF", "=", "<<", "<", "<<<", "1", "-1", "+1", "01", "1_000",
	"0x1",
	"0X1F", "0o7", "0b11", "-0x1", "1e3", "1E3", "1e+3", "1.5", ".5", "5.", "1,000", ".inf", "-.inf", "+.INF", ".Inf",
	".nan", ".NaN",
	"12:30", "190:20:30", "2001-12-14", "2001-12-14t21:59:43.10-05:00", "2001-12-14 21:59:43.10 -5", "2024-01-01T00:00:00Z",
	"10.0.0.1", "1.2.3", "100m", "1Gi", "10.0.0.0/8", "-", "--", "---", "--- a", "...", "... a", "- a", "-a", "--flag=x",
	"?", "? a", "?a",
	":", ": a", ":a", "a:", "a: b", "a:b", "a :b", "#", "#a", "a #b", "a#b", "a# b", "[", "[a]", "{", "{a}", "a, b", "]",
	"}", ",",
	"&a", "*a", "!a", "!!str a", "|", ">", "|-", "'", "''", "'a'", "it's", `"`, `"a"`, `a"b`, `\`, `\n`, `a\b`, "%a", "@a",
	"`a`",
	`{"a":"b"}`,
	`it's "so"`, "a\nb", "a\nb\n", "a\nb\n\n", "a\nb\n\n\n", "\n", "\n\n", "\na", "\n\na\n", " a\nb", "  a\n b\n", "\n  a\nb",
	"\ta\nb", "\n\ta\n", "a\n\tb", "a\n  b\n", "a \nb", "a\n \nb", "a\n\nb", "a\n  ", "a\n  \n", "a\n\t\n", "  \na", "  \n",
	"\t\n", "\n ", "\n \n",
	"#!/bin/sh\necho", "# a\n", "---\na\n", "...\n", "a\n---\n", "- a\n- b\n", "a: b\nc: d\n", "%YAML 1.1\n", "a\r\nb",
	"a\rb", "\r", "\r\n",
	"a\u0085b", "a\u2028b", "a\u2029b\n", "\ufeff", "\ufeffa", "a\ufeff\nb", "\x00", "a\x00b", "\x07", "\x1b[0m", "\x7f",
	"\u0080", "\u009f", "\u00a0", "\u00ad",
	"\ufffd", "\ufffe", "\uffff", "\U0001F600", "\U0010FFFF", "日本語", "ä: b", "é\nè\n", "\u200b", "\ue000", "\ud7ff",
	strings.Repeat("x", 5000), strings.Repeat("long words ", 500), strings.Repeat("x", 5000) + "\nx",
	strings.Repeat("ä\x01", 600),
}

// Every string must come back from a key, a value, an item and an item of an item, within and below flow style.
func TestStringsAreNotMisread(t *testing.T) {
	for _, s := range misreadable {
		for name, v := range map[string]any{
			"value":    map[string]any{"k": s, "l": []any{}},
			"nested":   map[string]any{"k": map[string]any{"l": s}, "z": s},
			"key":      map[string]any{s: map[string]any{s: []any{s}}, s + "x": 1},
			"item":     map[string]any{"k": []any{s, s, map[string]any{"l": s, "m": []any{s}}}},
			"deeper":   map[string]any{"k": []any{[]any{s, []any{s, map[string]any{s: s}}}, s}},
			"too deep": map[string]any{"k": deep(flowDepth, map[string]any{s: []any{s, s}})},
		} {
			source, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			written, err := render(t, source)
			if err != nil {
				t.Fatalf("%s %q: %v", name, s, err)
			}
			readsEqual(t, written, source)
		}
	}
}

// deep puts a value into n mappings and lists.
func deep(n int, v any) any {
	for i := range n {
		if i%3 == 0 {
			v = []any{v}
			continue
		}
		v = map[string]any{"k": v}
	}
	return v
}

func TestStyle(t *testing.T) {
	for _, c := range []struct{ source, want string }{
		{`{}`, "{}\n"},
		{`{"b":1,"a":{"d":null,"c":[]},"B":{}}`, "B: {}\na:\n  c: []\n  d: null\nb: 1\n"},
		{`{"a":[1,{"c":2,"b":[3]},[4,[5]],[],{}]}`, "a:\n- 1\n- b:\n  - 3\n  c: 2\n- - 4\n  - - 5\n- []\n- {}\n"},
		{`{"a":"x","b":"yes","c":"'it\" \\","d":"a: b"}`, "a: x\nb: \"yes\"\nc: '''it\" \\'\nd: \"a: b\"\n"},
		{`{"a":"x\n y\n","b":["x\ny"],"c":" x\n\n"}`, "a: |\n  x\n   y\nb:\n- |-\n  x\n  y\nc: |2+\n   x\n\n"},
		{`{"a":"10.0.0.1","b":"100m","c":"--v=2","d":"nginx:1.27"}`, "a: \"10.0.0.1\"\nb: 100m\nc: --v=2\nd: nginx:1.27\n"},
		{`{"a":"\u003c\u2028\ud83d\ude00\u0000\t"}`, "a: \"<\\u2028\U0001F600\\u0000\\t\"\n"},
		// Numbers are never converted.
		{`{"a":[1.0,1e3,-0,1E+400,12345678901234567890123]}`,
			"a:\n- 1.0\n- 1e3\n- -0\n- 1E+400\n- 12345678901234567890123\n"},
	} {
		written, err := render(t, []byte(c.source))
		if err != nil || string(written) != c.want {
			t.Errorf("%s became, with error %v,\n%s, want\n%s", c.source, err, written, c.want)
		}
	}
}

// A document that is nested deep must not become longer with the square of its depth.
func TestDeepDocumentStaysSmall(t *testing.T) {
	source := []byte(strings.Repeat(`{"a":`, maxDepth) + `1` + strings.Repeat(`}`, maxDepth))
	written, err := render(t, source)
	if err != nil || len(written) > 3*len(source) {
		t.Errorf("%d bytes became %d, with error %v", len(source), len(written), err)
	}
}

func TestBrokenJSON(t *testing.T) {
	for _, source := range []string{
		``, ` `, `{`, `}`, `{"a"`, `{"a":`, `{"a":1`, `{"a":1,`, `{"a":1,}`, `{a:1}`, `{"a" 1}`, `{"a":1 "b":2}`, `{,}`,
		`{"a":1}}`, `{"a":1} 2`,
		`{"a":[}`, `{"a":[1`, `{"a":[1,`, `{"a":[1,]}`, `{"a":[1 2]}`, `{"a":[1}`, `{"a":tru}`, `{"a":nil}`, `{"a":True}`,
		`{"a":01}`, `{"a":-}`, `{"a":+1}`, `{"a":.5}`, `{"a":1.}`, `{"a":1e}`, `{"a":1e+}`, `{"a":-01}`, `{"a":0x1}`,
		`{"a":1_0}`, `{"a":NaN}`,
		`{"a":"`, `{"a":"\`, `{"a":"\"`, `{"a":"\x"}`, `{"a":"\u12"}`, `{"a":"\u12g4"}`, `{"a":"\ud800"}`,
		`{"a":"\ud800x"}`, `{"a":"\ud800\u0041"}`,
		`{"a":"\udc00"}`, `{"a":"\ud800\ud800"}`, "{\"a\":\"\n\"}", "{\"a\":\"\t\"}", "{\"a\":\"\x00\"}",
		"{\"a\":\"\xff\"}", "{\"a\":\"\xed\xa0\x80\"}", "{\"\xff\":1}",
		"\ufeff{}", `{"a":1}//`, `{"a":'b'}`,
		strings.Repeat(`{"a":`, maxDepth+2) + `1` + strings.Repeat(`}`, maxDepth+2),
		`{"a":` + strings.Repeat(`[`, 1_000_000),
	} {
		if written, err := render(t, []byte(source)); err == nil {
			t.Errorf("%.80q became %q", source, written)
		}
		var d jsonTree
		if _, err := d.read([]byte(`{"metadata":{"managedFields":[{"fieldsV1":`+source+`}]}}`), atRoot); err == nil {
			t.Errorf("%.80q was passed as a value", source)
		}
	}
}

func TestKeyTwice(t *testing.T) {
	for _, source := range []string{`{"a":1,"a":2}`, `{"a":1,"b":2,"\u0061":3}`, `{"x":{"b":1,"a":1,"b":1}}`,
		`{"x":[{"":1,"":1}]}`} {
		if written, err := render(t, []byte(source)); err == nil {
			t.Errorf("%s became %q", source, written)
		}
	}
}

// Whatever the reader takes must be written as what the oracle reads as the same, and the same bytes must come from what
// the oracle read. What the reader refuses must be what encoding/json refuses, or one of four things that it puts up with.
func FuzzYAML(f *testing.F) {
	seeds := []string{`{}`, `{"a":[1,{"c":2,"b":[3]},[4,[5]],[],{}],"B":null,"c":true}`, `{"a":{"b":"x\ny"}}`,
		`[1e3,-0.0,"\ud83d\ude00"]`, `{"a":1,"a":2}`}
	for _, s := range misreadable {
		source, err := json.Marshal(map[string]any{s: s, "l": []any{s, map[string]any{s: []any{s}}}})
		if err != nil {
			f.Fatal(err)
		}
		seeds = append(seeds, string(source))
	}
	if len(seeds) < 100 {
		f.Fatalf("%d seeds", len(seeds))
	}
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, source []byte) {
		source = append(append([]byte(`{"root":`), source...), '}')
		if !json.Valid(source) {
			if written, err := render(t, source); err == nil {
				t.Fatalf("%q is no JSON, and became\n%s", source, written)
			}
			return
		}
		written, err := render(t, source)
		if err != nil {
			if utf8.Valid(source) && !strings.Contains(err.Error(), "twice") && !strings.Contains(err.Error(),
				"surrogate") {
				t.Fatalf("%q is refused: %v", source, err)
			}
			return
		}
		if !representable(source) {
			return
		}
		readsEqual(t, written, source)
	})
}

// representable reports whether the oracle can read the numbers: one that no float64 can hold is a string to it.
func representable(source []byte) bool {
	var v any
	var beyond *json.UnmarshalTypeError
	return !errors.As(json.Unmarshal(source, &v), &beyond)
}
