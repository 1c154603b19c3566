package aftermath

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"testing"
	"unicode/utf8"
)

// declared are the kinds that the source of the package declares.
func declared(t *testing.T) []Kind {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "kind.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var all []Kind
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if ok && spec.Type != nil {
			if name, ok := spec.Type.(*ast.Ident); ok && name.Name == "Kind" {
				all = append(all, Kind(strings.Trim(spec.Values[0].(*ast.BasicLit).Value, `"`)))
			}
		}
		return true
	})
	return all
}

func TestEveryKindHasItsPlaceAndTitle(t *testing.T) {
	all := declared(t)
	if len(all) < 20 {
		t.Fatalf("the source has %d kinds: it was not read", len(all))
	}
	for i, kind := range all {
		if kind.place() != i {
			t.Errorf("%s is the kind %d of a report, and declared as %d", kind, kind.place(), i)
		} else if kinds[i].title == "" {
			t.Errorf("%s has no title", kind)
		}
	}
	if len(kinds) != len(all) {
		t.Errorf("a report has %d kinds, and %d are declared", len(kinds), len(all))
	}
}

func TestReportIsSorted(t *testing.T) {
	at := func(kind Kind, severity Severity, name, node string) Finding {
		return Finding{Kind: kind, Severity: severity, Object: Object{Kind: "Pod", Name: name}, Node: node}
	}
	want := []Finding{
		at(NotAsked, Act, "z", ""), at(PhantomPod, Act, "a", "n1"), at(PhantomPod, Act, "a", "n2"), at(PhantomPod, Act, "b", "n1"),
		at(Webhook, Act, "z", ""), at(Webhook, Look, "a", ""), at("new", Act, "a", ""),
	}
	r := Report{Leaders: []Leader{{Name: "b"}, {Name: "a"}}}
	for i := range want {
		r.add(want[(i*3+2)%len(want)])
	}
	r.sort()
	for i, f := range r.Findings {
		if f != want[i] {
			t.Errorf("finding %d is %+v, want %+v", i, f, want[i])
		}
	}
	if r.Leaders[0].Name != "a" {
		t.Errorf("leaders are %v", r.Leaders)
	}
}

func TestRevisionInText(t *testing.T) {
	for _, c := range []struct {
		now, before int64
		want        string
	}{
		{0, 0, "etcd: its revision is not known"},
		{0, 5, "etcd: its revision is not known"},
		{5, 0, "etcd: revision 5; the last one before the restore was not given"},
		{12, 5, "etcd: revision 12, 7 above the last one before the restore"},
		{5, 5, "etcd: revision 5, not above the last one before the restore, 5"},
	} {
		var text strings.Builder
		r := Report{Revision: c.now, Before: c.before}
		if err := r.WriteText(&text); err != nil {
			t.Fatal(err)
		}
		if line, _, _ := strings.Cut(text.String(), "\n"); line != c.want {
			t.Errorf("%d after %d: the text is %q, want %q", c.now, c.before, line, c.want)
		}
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, bytes.ErrTooLarge }

func TestTextThatCanNotBeWritten(t *testing.T) {
	err := new(Report).WriteText(brokenWriter{})
	if err == nil || err.Error() != "write the report: "+bytes.ErrTooLarge.Error() {
		t.Errorf("the error is %v", err)
	}
}

// FuzzText holds that no name or sentence can do a terminal harm, or make a line longer than a few KiB.
func FuzzText(f *testing.F) {
	f.Add("phantom-pod", "Pod", "shop", "web", "node n1 runs it", "restart it")
	f.Add("", "", "", "", "", "")
	f.Add("x\n  y: z", "\x1b[31m", "\xff\xfe", strings.Repeat("ä", 2000), "a\r\nb", "\u202e")
	f.Fuzz(func(t *testing.T, kind, objectKind, namespace, name, what, next string) {
		finding := Finding{Kind: Kind(kind), Object: Object{objectKind, namespace, name}, What: what, Next: next}
		r := Report{Leaders: []Leader{{Name: name, Holder: what}}, Findings: []Finding{finding}}
		var text strings.Builder
		if err := r.WriteText(&text); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(text.String(), "\n")
		if len(lines) != 8 {
			t.Errorf("%d lines, want 8:\n%q", len(lines), text.String())
		}
		for _, line := range lines {
			if len(line) > 4*maxText || !utf8.ValidString(line) || strings.ContainsAny(line, "\x1b\r\x00\u202e") {
				t.Errorf("the line %q", line)
			}
		}
		if _, err := json.Marshal(r); err != nil {
			t.Error(err)
		}
	})
}
