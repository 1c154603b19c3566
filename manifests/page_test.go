package manifests

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// split gives the items of a list.
func split(r io.Reader, buf []byte) (listMeta, []string, error) {
	var items []string
	meta, err := newSplitter(r, buf).list(func(raw []byte) error {
		items = append(items, string(raw))
		return nil
	})
	return meta, items, err
}

const typedList = `{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"42","continue":"go on","remainingItemCount":7},` +
	`"items":[{"a":"{[\"\\"},{"b":[1,{"c":"]}"}]},{}]}` + "\n"

func TestSplit(t *testing.T) {
	three := []string{`{"a":"{[\"\\"}`, `{"b":[1,{"c":"]}"}]}`, `{}`}
	for _, c := range []struct {
		name, text, version string
		items               []string
	}{
		{"compiled in", typedList, "42", three},
		{"custom", `{"apiVersion":"e/v1","items":[{"x":1}],"kind":"EList","metadata":{"continue":"","resourceVersion":"7"}}`, "7", []string{`{"x":1}`}},
		{"no items", `{"metadata":{"resourceVersion":"7"},"items":[]}`, "7", nil},
		{"null items", `{"metadata":{"resourceVersion":"7"},"items":null}`, "7", nil},
		{"blanks", " {\n\t\"metadata\" : {\"resourceVersion\":\"7\"} ,\r\n \"items\" : [ {} , 3 ] } ", "7", []string{"{}", "3"}},
		{"other members", `{"x":[[1],2],"metadata":{"resourceVersion":"7"},"y":-1.5e3,"items":[{}],"z":"\""}`, "7", []string{"{}"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for name, r := range map[string]io.Reader{
				"whole": strings.NewReader(c.text), "bytes": iotest.OneByteReader(strings.NewReader(c.text)),
				"end with data": iotest.DataErrReader(strings.NewReader(c.text)),
			} {
				meta, items, err := split(r, make([]byte, 1))
				if err != nil || meta.ResourceVersion != c.version || !slices.Equal(items, c.items) {
					t.Errorf("%s: %q at %q (%v), want %q at %s", name, items, meta.ResourceVersion, err, c.items, c.version)
				}
			}
		})
	}
	meta, _, _ := split(strings.NewReader(typedList), nil)
	if meta.Continue != "go on" || meta.RemainingItemCount == nil || *meta.RemainingItemCount != 7 {
		t.Errorf("the metadata is %+v", meta)
	}
}

// An answer that breaks off must not pass for a list, wherever it does.
func TestSplitOfEveryBeginning(t *testing.T) {
	whole := strings.TrimSpace(typedList)
	for n := range whole {
		if _, _, err := split(strings.NewReader(whole[:n]), make([]byte, 16)); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%q: the error is %v, want %v", whole[:n], err, io.ErrUnexpectedEOF)
		}
	}
}

func TestSplitRefuses(t *testing.T) {
	for _, text := range []string{
		`[]`, `{}`, `{"items":[]}`, `{"metadata":{}}`, `{"metadata":{},"items":[]} x`, `{"metadata":{},"items":[{}{}]}`,
		`{"metadata":{},"items":[,{}]}`, `{"metadata":{},"items":[{},]}`, `{"metadata":{},"items":{}}`, `{"metadata":1,"items":[]}`,
		`{"metadata":{},"items":[],"items":[]}`, `{"metadata":{},"metadata":{},"items":[]}`, `{"metadata" {},"items":[]}`,
		`{"metadata":{},"items":[]`, `{"metadata":{},,"items":[]}`, `{"metadata":{"resourceVersion":7},"items":[]}`,
	} {
		if meta, items, err := split(strings.NewReader(text), nil); err == nil {
			t.Errorf("%s is taken: %+v, %q", text, meta, items)
		}
	}
	broken := errors.New("broken")
	if _, _, err := split(io.MultiReader(strings.NewReader(typedList[:150]), iotest.ErrReader(broken)), nil); !errors.Is(err, broken) {
		t.Errorf("the error is %v, want the reader's", err)
	}
	if _, _, err := split(emptyReader{}, nil); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("the error is %v, want %v", err, io.ErrNoProgress)
	}
	if _, err := newSplitter(strings.NewReader(typedList), nil).list(func([]byte) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("the error is %v, want the callback's", err)
	}
}

// emptyReader gives nothing for ever.
type emptyReader struct{}

func (emptyReader) Read([]byte) (int, error) { return 0, nil }

// What never ends is not read for ever, nor into memory.
func TestSplitIsBounded(t *testing.T) {
	for name, begin := range map[string]string{
		"item": `{"metadata":{},"items":[{"a":"`, "metadata": `{"metadata":{"a":"`, "key": `{"`, "other": `{"x":[`, "number": `{"x":1`,
		"scalar item": `{"metadata":{},"items":[1`,
	} {
		r := &endless{begin: begin}
		s := newSplitter(r, nil)
		_, err := s.list(func([]byte) error { return nil })
		var large *tooLargeError
		if !errors.As(err, &large) || len(s.buf) > maxItem+1 || r.n > 2*maxItem {
			t.Errorf("%s without end: the error is %v after %d bytes, with %d held", name, err, r.n, len(s.buf))
		}
	}
	item := `{"a":"` + strings.Repeat("x", maxItem-8) + `"}`
	_, items, err := split(strings.NewReader(`{"metadata":{},"items":[`+item+`,{}]}`), nil)
	if err != nil || len(items) != 2 || items[0] != item {
		t.Errorf("%d items (%v), want one of the largest size and a second one", len(items), err)
	}
	longer := strings.Replace(item, `"a"`, `"ab"`, 1)
	if _, _, err = split(strings.NewReader(`{"metadata":{},"items":[`+longer+`]}`), nil); err == nil {
		t.Error("an item of one byte more is taken")
	}
}

// endless gives a text and then digits.
type endless struct {
	begin string
	n     int
}

func (e *endless) Read(p []byte) (int, error) {
	n := copy(p, e.begin)
	e.begin = e.begin[n:]
	for i := n; i < len(p); i++ {
		p[i] = '1'
	}
	e.n += len(p)
	return len(p), nil
}

// FuzzSplit holds the items against encoding/json's, for each size of what arrives at once.
func FuzzSplit(f *testing.F) {
	seeds := []string{
		typedList, `{"metadata":{"resourceVersion":"1"},"items":[{"a":"\\\"\\\\"},{"b":"\u0022"}]}`,
		`{"items":null,"metadata":{"continue":"x"}}`, `{"metadata":{},"items":[[],"",null,1e9,{"":{"":[]}}]}`, `{"metadata":{},"items":[{]}`,
	}
	for i, seed := range seeds {
		f.Add([]byte(seed), uint8(i))
	}
	if len(seeds) == 0 {
		f.Fatal("no seeds")
	}
	f.Fuzz(func(t *testing.T, text []byte, size uint8) {
		meta, items, err := split(&chunks{text, int(size)%7 + 1}, make([]byte, 1+int(size)%5))
		var list struct {
			Metadata *listMeta
			Items    *[]json.RawMessage
		}
		if json.Unmarshal(text, &list) != nil || !exact(text) {
			return // an item may be anything that ends where it should: whoever reads it says so
		}
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		var want []string
		if list.Items != nil {
			for _, raw := range *list.Items {
				want = append(want, string(bytes.TrimSpace(raw)))
			}
		}
		if !slices.Equal(items, want) || list.Metadata == nil || meta.ResourceVersion != list.Metadata.ResourceVersion || meta.Continue != list.Metadata.Continue {
			t.Errorf("%q: items %q of %+v, want %q of %+v", text, items, meta, want, list.Metadata)
		}
	})
}

// exact reports whether a list has both members once, spelled as the API server does: encoding/json is more liberal.
func exact(text []byte) bool {
	var members map[string]json.RawMessage
	if json.Unmarshal(text, &members) != nil {
		return false
	}
	for key := range members {
		if k := strings.ToLower(key); k != key && (k == "items" || k == "metadata") {
			return false
		}
	}
	_, items := members["items"]
	_, metadata := members["metadata"]
	return items && metadata && bytes.Count(text, []byte(`"items"`)) == 1 && bytes.Count(text, []byte(`"metadata"`)) == 1 &&
		!bytes.Contains(text, []byte(`\u`)) && len(members["metadata"]) > 0 && members["metadata"][0] == '{'
}

// chunks gives a few bytes at once.
type chunks struct {
	text []byte
	size int
}

func (c *chunks) Read(p []byte) (int, error) {
	n := copy(p, c.text[:min(c.size, len(c.text))])
	c.text = c.text[n:]
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

func BenchmarkSplit(b *testing.B) {
	item := `{"metadata":{"name":"web","namespace":"shop","labels":{"app.kubernetes.io/name":"web"}},"spec":{"replicas":3,"template":{"spec":{"containers":[{"name":"a","image":"registry.example.com/a:1"}]}}}}`
	text := `{"metadata":{"resourceVersion":"1"},"items":[` + strings.Repeat(item+",", 4999) + item + `]}`
	b.SetBytes(int64(len(text)))
	buf := make([]byte, firstBuffer)
	for b.Loop() {
		if _, err := newSplitter(strings.NewReader(text), buf).list(func([]byte) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
}
