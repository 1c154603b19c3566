package diff_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/diff"
)

// secret is a side of one Secret, as a cluster has it.
func secret(t testing.TB, fields string) *view {
	t.Helper()
	e := named("x", "", "", "")
	v := (&view{}).add(e, "")
	v.entries[0].Resource, v.entries[0].Kind = "secrets", "Secret"
	v.texts[v.entries[0].Key] = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: x\n" + fields
	return v
}

func TestMasks(t *testing.T) {
	for _, c := range []struct{ name, a, b, want string }{
		{"changed", "data: {p: aHVudGVyMQ==}\n", "data: {p: aHVudGVyMg==}\n", `
  data.p changed a="*** (before)" b="*** (after)"`},
		{"added and removed", "data: {p: aHVudGVyMQ==}\n", "data: {q: aHVudGVyMg==}\n", `
  data.p removed a="***"
  data.q added b="***"`},
		{"only a label", "data: {p: aHVudGVyMQ==}\n", "data: {p: aHVudGVyMQ==}\nimmutable: true\n", `
  immutable added b=true`},
		{"stringData", "stringData: {p: hunter1}\n", "stringData: {p: hunter2}\n", `
  stringData.p changed a="*** (before)" b="*** (after)"`},
		{"no map", "data: hunter1\n", "data: [hunter2]\n", `
  data changed a="*** (before)" b="*** (after)"`},
		{"no map on one side", "data: hunter1\n", "data: {p: hunter2}\n", `
  data changed a="*** (before)" b="*** (after)"`},
		{"no strings", "data: {p: {q: hunter1}}\n", "data: {p: [hunter2]}\n", `
  data.p changed a="*** (before)" b="*** (after)"`},
	} {
		changes, _ := compare(t, secret(t, c.a), secret(t, c.b), diff.Options{})
		if got, want := said(changes), "secrets/x changed"+c.want+"\n"; got != want {
			t.Errorf("%s: the changes are\n%swant\n%s", c.name, got, want)
		}
		wantNoSecret(t, c.name, changes)
	}
}

// wantNoSecret looks for the values of the tests, in clear and in base64, in all that shows a change.
func wantNoSecret(t *testing.T, name string, changes []*diff.Change) {
	t.Helper()
	var out bytes.Buffer
	for _, c := range changes {
		if err := diff.Unified(&out, c); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := json.NewEncoder(&out).Encode(c); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		fmt.Fprintf(&out, "%+v %#v", *c, *c)
	}
	for _, value := range []string{"hunter", base64.StdEncoding.EncodeToString([]byte("hunter"))[:8]} {
		if strings.Contains(out.String(), value) {
			t.Errorf("%s: %s is in\n%s", name, value, out.String())
		}
	}
}

func TestMaskOfLastApplied(t *testing.T) {
	const annotated = "  annotations: {kubectl.kubernetes.io/last-applied-configuration: '{\"data\":{\"p\":\"%s\"}}', other: %s}\n"
	changes, _ := compare(t, secret(t, fmt.Sprintf(annotated, "hunter1", "v")), secret(t, fmt.Sprintf(annotated, "hunter2", "w")), diff.Options{})
	wantSaid(t, changes, `secrets/x changed
  metadata.annotations["kubectl.kubernetes.io/last-applied-configuration"] changed a="*** (before)" b="*** (after)"
  metadata.annotations.other changed a="v" b="w"
`)
	wantNoSecret(t, "last applied", changes)
}

// Other tools keep copies too, and some write what they find into an annotation.
func TestMaskOfCopies(t *testing.T) {
	const encoded1, encoded2 = "aHVudGVyMQ==", "aHVudGVyMg=="
	packed := base64.StdEncoding.EncodeToString([]byte("\x1f\x8b\x08"))
	for _, c := range []struct {
		name, annotation, a, b string
		shown                  bool
	}{
		{"kapp", "kapp.k14s.io/original", `{"data":{"p":"` + encoded1 + `"}}`, `{"data":{"p":"` + encoded2 + `"}}`, false},
		{"wrangler", "objectset.rio.cattle.io/applied", "x", "y", false},
		{"JSON of earlier values", "n", ` {"data":{"p":"hunter3"}}`, "none", false},
		{"a list of JSON", "n", "none", `["hunter3"]`, false},
		{"JSON in base64", "n", base64.StdEncoding.EncodeToString([]byte(`{"p":"hunter3"}`)), "none", false},
		{"packed", "n", packed, "none", false},
		{"value", "n", "with hunter1 in it", "none", false},
		{"value in base64", "n", "p=" + encoded1, "none", false},
		{"value of the other side", "n", "hunter2", "none", false},
		{"no text", "n", "", "none", true},
		{"something else", "n", "hunt", "none", true},
	} {
		side := func(value, data string) diff.Side {
			return secret(t, fmt.Sprintf("  annotations: {%s: %q}\ndata: {p: %s, empty: \"\"}\n", c.annotation, value, data))
		}
		for _, rules := range [][]diff.Rule{nil, {{Path: "data"}}} {
			changes, _ := compare(t, side(c.a, encoded1), side(c.b, encoded2), diff.Options{Ignore: rules})
			var shown diff.Field
			for _, f := range changes[0].Fields {
				if strings.HasPrefix(f.Path, "metadata.annotations") {
					shown = f
				}
			}
			want := [2]any{"*** (before)", "*** (after)"}
			if c.shown {
				want = [2]any{c.a, c.b}
			}
			if got := [2]any{shown.A, shown.B}; got != want {
				t.Errorf("%s: the values of the annotation are %q, want %q", c.name, got, want)
			}
			wantNoSecret(t, c.name, changes)
		}
	}
	changes, _ := compare(t, secret(t, "  annotations: hunter1\n"), secret(t, "  annotations: {a: 1}\n"), diff.Options{})
	wantSaid(t, changes, "secrets/x changed\n  metadata.annotations changed a=\"*** (before)\" b=\"*** (after)\"\n")
}

func TestMasksOfThree(t *testing.T) {
	const data = "data: {p: %s, q: aHVudGVy, r: %s}\n"
	side := func(p, r string) diff.Side { return secret(t, fmt.Sprintf(data, p, r)) }
	changes, _ := compare(t, side("aHVudGVyMg==", "aHVudGVyMw=="), side("aHVudGVyMQ==", "aHVudGVyMw=="),
		diff.Options{Base: side("aHVudGVyMQ==", "aHVudGVyMQ==")})
	wantSaid(t, changes, `secrets/x changed by both
  data.p changed by a base="*** (base)" a="*** (a)" b="*** (base)"
  data.r changed by same base="*** (base)" a="*** (a)" b="*** (a)"
`)
	wantNoSecret(t, "three", changes)
}

// A kind of that name in another group is somebody's own, and its values are shown.
func TestNoMaskOnOtherKinds(t *testing.T) {
	a, b := secret(t, "data: {p: x}\n"), secret(t, "data: {p: w}\n")
	for _, v := range []*view{a, b} {
		text := v.texts[v.entries[0].Key]
		v.entries[0].Group = "example.org"
		v.texts = map[manifests.Key]string{v.entries[0].Key: text}
	}
	changes, _ := compare(t, a, b, diff.Options{})
	wantSaid(t, changes, "secrets.example.org/x changed\n  data.p changed a=\"x\" b=\"w\"\n")
}

func TestStringDataIsData(t *testing.T) {
	const head = "apiVersion: v1\nkind: Secret\nmetadata: {name: x}\n"
	a := files(t, head+"data: {p: b3RoZXI=, q: cQ==}\nstringData: {p: hunter}\n")
	b := files(t, head+"data: {p: aHVudGVy, q: cQ==}\n")
	if changes, _ := compare(t, a, b, diff.Options{}); len(changes) != 0 {
		t.Errorf("the changes are\n%s", said(changes))
	}
}

func TestRedactedSide(t *testing.T) {
	saved := secret(t, "data: {p: digest-of-aHVudGVyMQ==}\nimmutable: true\n")
	saved.entries[0].Hash = "of the digests"
	live := secret(t, "data: {p: aHVudGVyMQ==}\nimmutable: true\n")
	live.entries[0].Hash = "of the values"
	live.add(named("other", "h", "", ""), "v")
	saved.add(named("other", "i", "", ""), "v")
	redact := func(of manifests.Key, canonical []byte) ([]byte, error) {
		if of.Resource != "secrets" {
			t.Errorf("%v was redacted", of)
		}
		return bytes.ReplaceAll(canonical, []byte("{p: "), []byte("{p: digest-of-")), nil
	}
	changes, summary := compare(t, saved, diff.Redacted(live, redact), diff.Options{})
	if len(changes) != 0 || summary.Same != 2 {
		t.Errorf("summary %+v, changes\n%s", *summary, said(changes))
	}
	for _, v := range []*view{saved, live} { // the hashes of a Secret are not of the same, and versions are left
		v.entries[0].UID, v.entries[0].ResourceVersion = "u", "1"
	}
	if _, summary := compare(t, saved, diff.Redacted(live, redact), diff.Options{}); summary.Read != 2 { // the other
		t.Errorf("the summary is %+v", *summary)
	}
	live.report = &manifests.Report{Outcomes: []manifests.Outcome{{State: manifests.Failed}}}
	if _, summary := compare(t, saved, diff.Redacted(live, redact), diff.Options{}); len(summary.MissingB) != 1 {
		t.Error("what the side could not see is hidden")
	}
}
