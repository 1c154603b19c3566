package tree

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/clustersnap/clustersnap/manifests"
)

func sample() *index {
	rec := func(form form, group, resource, namespace, name string) *record {
		r := &record{
			Key:     manifests.Key{Group: group, Resource: resource, Namespace: namespace, Name: name},
			version: "v1", kind: "X", class: manifests.User, form: form,
		}
		if form != excluded {
			r.size, r.sum = 12, [32]byte{1, 2, 3}
		}
		if form == encrypted {
			r.mac = [32]byte{4, 5, 6}
		}
		return r
	}
	return &index{
		selection: manifests.Selection{
			Level: manifests.Faithful, LabelSelector: "a=b", Classes: []manifests.Class{"bootstrap", "user"},
		},
		secrets: Encrypt,
		outcomes: []manifests.Outcome{
			{
				Resource: manifests.Resource{Version: "v1", Resource: "secrets", Kind: "Secret", Namespaced: true},
				State:    manifests.Listed,
			},
			{Resource: manifests.Resource{Group: "dead.example.com", Version: "v1"}, State: manifests.Failed},
			{
				Resource:  manifests.Resource{Version: "v1", Resource: "pods", Kind: "Pod", Namespaced: true, Status: true},
				Namespace: "a", State: manifests.Forbidden,
			},
		},
		records: []*record{
			rec(plain, "rbac.authorization.k8s.io", "clusterroles", "", "a\"\\\x01\u2028\u00e9<x>&"),
			rec(plain, "apps", "deployments", "a", "web"),
			rec(encrypted, "", "secrets", "a", "one"),
			rec(redacted, "", "secrets", "a", "three"),
			rec(excluded, "", "secrets", "a", "two"),
		},
	}
}

func written(t testing.TB, ix *index) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := ix.write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// The bytes are part of the format.
func TestIndexIsStable(t *testing.T) {
	sum, mac := "010203"+strings.Repeat("00", 29), "040506"+strings.Repeat("00", 29)
	tail, stored := `"version":"v1","kind":"X","class":"user"`, `"size":12,"sha256":"`+sum+`"`
	want := `{
"version": 1,
"selection": {"level":"faithful","labelSelector":"a=b","classes":["bootstrap","user"]},
"secrets": "encrypt",
"resources": [
{"version":"v1","resource":"secrets","kind":"Secret","namespaced":true,"state":"listed"},
{"group":"dead.example.com","version":"v1","state":"failed"},
{"version":"v1","resource":"pods","kind":"Pod","namespaced":true,"status":true,"namespace":"a","state":"forbidden"}
],
"objects": [
{"group":"rbac.authorization.k8s.io","resource":"clusterroles","name":"a\"\\\u0001` + "\u2028\u00e9" + `<x>&",` + tail + `,` + stored + `},
{"group":"apps","resource":"deployments","namespace":"a","name":"web",` + tail + `,` + stored + `},
{"resource":"secrets","namespace":"a","name":"one",` + tail + `,"secret":"encrypted",` + stored + `,"hmac":"` + mac + `"},
{"resource":"secrets","namespace":"a","name":"three",` + tail + `,"secret":"redacted",` + stored + `},
{"resource":"secrets","namespace":"a","name":"two",` + tail + `,"secret":"excluded"}
]
}
`
	if got := string(written(t, sample())); got != want {
		t.Errorf("the index is\n%s\nwant\n%s", got, want)
	}
}

func TestIndexReadsBack(t *testing.T) {
	for name, wrap := range map[string]func(io.Reader) io.Reader{
		"whole": func(r io.Reader) io.Reader { return r }, "by bytes": iotest.OneByteReader,
	} {
		got, err := readIndex(wrap(bytes.NewReader(written(t, sample()))))
		if err != nil || !reflect.DeepEqual(got, sample()) {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
	empty := &index{}
	if got, err := readIndex(bytes.NewReader(written(t, empty))); err != nil || !reflect.DeepEqual(got, empty) {
		t.Errorf("an empty one: got %+v, %v", got, err)
	}
}

// No prefix is an index, and no other byte anywhere gives one that reads the same.
func TestIndexDamaged(t *testing.T) {
	good := written(t, sample())
	for n := range good {
		if _, err := readIndex(bytes.NewReader(good[:n])); !errors.Is(err, ErrCorrupt) || !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("the first %d bytes: %v", n, err)
		}
	}
	for at := range good {
		bad := bytes.Clone(good)
		bad[at] ^= 0x01
		got, err := readIndex(bytes.NewReader(bad))
		if err != nil {
			if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrNewer) {
				t.Errorf("byte %d: %v", at, err)
			}
			continue
		}
		if reflect.DeepEqual(got, sample()) {
			t.Errorf("byte %d does not matter", at)
		}
	}
}

func TestIndexRefused(t *testing.T) {
	good := string(written(t, sample()))
	web := `{"group":"apps","resource":"deployments","namespace":"a","name":"web","version":"v1","kind":"X","class":"user",` +
		`"size":12,"sha256":"0102030000000000000000000000000000000000000000000000000000000000"},` + "\n"
	for _, c := range []struct {
		name, old, new string
		want           error
	}{
		{"newer", `"version": 1,`, `"version": 2,`, ErrNewer},
		{"a version zero", `"version": 1,`, `"version": 0,`, ErrCorrupt},
		{"another spelling of the version", `"version": 1,`, `"version": 01,`, ErrCorrupt},
		{"twice", web, web + web, ErrCorrupt},
		{"a key twice", `"name":"web"`, `"name":"web","name":"web"`, ErrCorrupt},
		{"a key in upper case", `"name":"web"`, `"Name":"web"`, ErrCorrupt},
		{"an unknown key", `"name":"web"`, `"name":"web","path":"../../x"`, ErrCorrupt},
		{"no name", `"name":"web",`, ``, ErrCorrupt},
		{"an empty name", `"name":"web",`, `"name":"",`, ErrCorrupt},
		{"no UTF-8", `"name":"web",`, "\"name\":\"w\xffb\",", ErrCorrupt},
		{"null", web, "null,\n", ErrCorrupt},
		{"a digest in upper case", `"hmac":"04`, `"hmac":"0A`, ErrCorrupt},
		{"a long digest", `"hmac":"04`, `"hmac":"0004`, ErrCorrupt},
		{"a short digest", `"hmac":"04`, `"hmac":"`, ErrCorrupt},
		{"no digest", `,"hmac":"0405060000000000000000000000000000000000000000000000000000000000"`, ``, ErrCorrupt},
		{"an unknown way", `"secret":"redacted"`, `"secret":"plain"`, ErrCorrupt},
		{"a Deployment encrypted", `"secret":"encrypted"`, `"secret":"encrypted","size"`, ErrCorrupt},
		{"a size below zero", `"size":12`, `"size":-1`, ErrCorrupt},
		{"a huge size", `"size":12`, `"size":99999999999`, ErrCorrupt},
		{"a blank", `"size":12`, `"size": 12`, ErrCorrupt},
		{"ends of lines by git", "\n", "\r\n", ErrCorrupt},
		{"no comma", "},\n{\"group\":\"apps\"", "}\n{\"group\":\"apps\"", ErrCorrupt},
		{"a comma at the end", "}\n]\n}\n", "},\n]\n}\n", ErrCorrupt},
		{"something after", "}\n]\n}\n", "}\n]\n}\n\n", ErrCorrupt},
		{"another level", `"faithful"`, `"exact"`, ErrCorrupt},
		{"another way to treat Secrets", `"secrets": "encrypt"`, `"secrets": "hide"`, ErrCorrupt},
		{"a long line", `"name":"web"`, `"name":"` + strings.Repeat("x", maxLine) + `"`, ErrCorrupt},
	} {
		bad := strings.Replace(good, c.old, c.new, 1)
		if bad == good {
			t.Errorf("%s: nothing is replaced", c.name)
		}
		if _, err := readIndex(strings.NewReader(bad)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

// What could not be read is not written.
func TestLinesAreBounded(t *testing.T) {
	ix := sample()
	ix.records[1].Name = strings.Repeat("x", maxLine)
	if err := ix.write(io.Discard); err == nil {
		t.Error("a line is written that is too long to be read")
	}
	st := &state{report: manifests.Report{Outcomes: []manifests.Outcome{{Why: strings.Repeat("\x01", maxLine)}}}}
	var b bytes.Buffer
	if err := st.write(&b, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := readState(&b); err != nil {
		t.Errorf("what a server had to say makes the state unreadable: %v", err)
	}
}

func FuzzIndex(f *testing.F) {
	good := written(f, sample())
	if _, err := readIndex(bytes.NewReader(good)); err != nil {
		f.Fatalf("seed is refused: %v", err)
	}
	f.Add(good)
	f.Add(written(f, &index{}))
	f.Add(bytes.Replace(good, []byte("},\n{"), []byte("},\n{\"a\":1,"), 1))
	f.Fuzz(func(t *testing.T, b []byte) {
		ix, err := readIndex(bytes.NewReader(b))
		if err != nil {
			return
		}
		if again := written(t, ix); !bytes.Equal(again, b) {
			t.Errorf("%q is read, and written as %q", b, again)
		}
		paths := map[string]bool{}
		for _, r := range ix.records {
			if p := r.path(); p != "" && (!isPath(p) || paths[p]) {
				t.Errorf("%q: the path %q is unsound or there twice", b, p)
			} else {
				paths[p] = true
			}
		}
	})
}

func FuzzState(f *testing.F) {
	var b bytes.Buffer
	st := &state{index: [32]byte{1}, report: manifests.Report{
		Instant: manifests.Instant{ResourceVersion: "7"}, Outcomes: []manifests.Outcome{{State: manifests.Listed, Objects: 3}},
	}}
	if err := st.write(&b, sample().records); err != nil {
		f.Fatal(err)
	}
	got, err := readState(bytes.NewReader(b.Bytes()))
	if err != nil || !got.apply(sample(), [32]byte{1}) || got.apply(sample(), [32]byte{2}) {
		f.Fatalf("seed is read as %+v, %v", got, err)
	}
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		if st, err := readState(bytes.NewReader(b)); err == nil {
			st.apply(sample(), st.index)
		}
	})
}

func FuzzJournal(f *testing.F) {
	var b bytes.Buffer
	j := &journal{moves: []move{{"0", "cluster/r"}}, removes: []string{"namespaces/a/r/x.yaml.age"}}
	if err := j.write(&b); err != nil {
		f.Fatal(err)
	}
	if got, err := readJournal(bytes.NewReader(b.Bytes())); err != nil || !reflect.DeepEqual(got, j) {
		f.Fatalf("seed is read as %+v, %v", got, err)
	}
	f.Add(b.Bytes())
	f.Add(bytes.Replace(b.Bytes(), []byte("cluster/r"), []byte("../r"), 1))
	f.Add(bytes.Replace(b.Bytes(), []byte(`"0"`), []byte(`"../0"`), 1))
	f.Fuzz(func(t *testing.T, b []byte) {
		j, err := readJournal(bytes.NewReader(b))
		if err != nil {
			return
		}
		for _, m := range j.moves {
			if !isPath(m.Path+"/x.yaml") || strings.ContainsAny(m.Stage, "/.") {
				t.Errorf("%q: moves %q to %q", b, m.Stage, m.Path)
			}
		}
		for _, p := range j.removes {
			if !isPath(p) {
				t.Errorf("%q: removes %q", b, p)
			}
		}
	})
}
