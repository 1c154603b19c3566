package manifests

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// jsonOf is what YAML means.
func jsonOf(t testing.TB, source string) []byte {
	t.Helper()
	object, err := yaml.YAMLToJSONStrict([]byte(source))
	if err != nil {
		t.Fatalf("read %s: %v", source, err)
	}
	return object
}

// canonical is the canonical form, which must be its own canonical form.
func canonical(t testing.TB, object []byte, r Resource, level Level) *Object {
	t.Helper()
	form, err := Canonical(object, r, level)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Canonical(jsonOf(t, string(form.YAML)), r, level)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(again.YAML, form.YAML) || len(again.Removed) > 0 {
		t.Errorf("at level %d\n%s has the canonical form, without %q,\n%s", level, form.YAML, again.Removed, again.YAML)
	}
	return form
}

// mustBe fails the test unless an object in canonical form reads as want, with apiVersion and kind of its resource.
func mustBe(t testing.TB, form *Object, want string) {
	t.Helper()
	var got, wanted map[string]any
	if err := yaml.UnmarshalStrict(form.YAML, &got); err != nil {
		t.Fatal(err)
	}
	if err := yaml.UnmarshalStrict([]byte(want), &wanted); err != nil {
		t.Fatalf("read %s: %v", want, err)
	}
	wanted["kind"], wanted["apiVersion"] = form.Kind, strings.TrimPrefix(form.Group+"/"+form.Version, "/")
	if !reflect.DeepEqual(got, wanted) {
		t.Errorf("the canonical form is\n%s, want\n%s", form.YAML, want)
	}
}

func TestCanonicalDeployment(t *testing.T) {
	want, err := os.ReadFile("testdata/deployment.yaml")
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(want)
	wantEntry := Entry{
		Key:     Key{Group: "apps", Resource: "deployments", Namespace: "shop", Name: "web"},
		Version: "v1", Kind: "Deployment", UID: "6b3f7a0e-1a6c-4f4a-9f0d-0d2c7a6f5e11", ResourceVersion: "481516",
		Class: User, Hash: hex.EncodeToString(sum[:]),
	}
	for _, level := range []Level{Portable, Faithful} {
		form := canonical(t, deployment(t), deployments, level)
		if !bytes.Equal(form.YAML, want) {
			t.Errorf("at level %d the canonical form is\n%s", level, form.YAML)
		}
		if form.Entry != wantEntry {
			t.Errorf("the entry is %#v, want %#v", form.Entry, wantEntry)
		}
	}
}

// A get names apiVersion and kind, a list does not, and servers order members as they like.
func TestCanonicalDoesNotDependOnTheReader(t *testing.T) {
	listed := deployment(t)
	var members map[string]json.RawMessage
	if err := json.Unmarshal(listed, &members); err != nil {
		t.Fatal(err)
	}
	want := canonical(t, listed, deployments, Portable)
	for name, also := range map[string]string{
		"get":     `"kind":"Deployment","apiVersion":"apps/v1",`,
		"half":    `"kind":"Deployment",`,
		"blank":   `"apiVersion":"","kind":null,`,
		"list":    "",
		"escaped": `"\u006bind":"Deploym\u0065nt",`,
	} {
		for _, order := range [][]string{{"metadata", "spec", "status"}, {"status", "spec", "metadata"}} {
			source := "{" + also
			for _, key := range order {
				source += "\n \"" + key + "\" : " + string(members[key]) + ","
			}
			source = strings.TrimSuffix(source, ",") + "}\n"
			got := canonical(t, []byte(source), deployments, Portable)
			if !bytes.Equal(got.YAML, want.YAML) || got.Entry != want.Entry || !slices.Equal(got.Removed, want.Removed) {
				t.Errorf("%s, in the order %q, became\n%s", name, order, got.YAML)
			}
		}
	}
}

// What a canonicalizer has seen before must leave no trace in the next object.
func TestCanonicalizerIsUsedAgain(t *testing.T) {
	huge := []byte(`{"metadata":{"name":"huge"},"data":[""` + strings.Repeat(`,"x"`, 2*maxNodes) + `]}`)
	broken := []byte(`{"metadata":{"name":"x","managedFields":[{"fieldsV1":{"a":1]}]}}`)
	var c canonicalizer
	for _, step := range []struct {
		source []byte
		r      Resource
	}{
		{deployment(t), deployments}, {configMap(t), configMaps}, {huge, configMaps}, {configMap(t), configMaps},
		{deployment(t), deployments},
	} {
		raw := bytes.Clone(step.source)
		for _, level := range []Level{Portable, Faithful} {
			got, err := c.object(raw, step.r, level)
			if err != nil {
				t.Fatal(err)
			}
			want := canonical(t, step.source, step.r, level)
			if !bytes.Equal(got.YAML, want.YAML) || got.Entry != want.Entry || !slices.Equal(got.Removed, want.Removed) {
				t.Errorf("after other objects %v is\n%s, want\n%s", want.Key, got.YAML, want.YAML)
			}
		}
		if !bytes.Equal(raw, step.source) {
			t.Errorf("the JSON of %v was changed", step.r)
		}
		if _, err := c.object(broken, step.r, Portable); err == nil {
			t.Error("broken JSON has a canonical form")
		}
	}
	if _, err := c.object(configMap(t), configMaps, Portable); err != nil {
		t.Fatal(err)
	}
	if cap(c.tree.nodes) > maxNodes {
		t.Errorf("%d nodes are kept after a huge object", cap(c.tree.nodes))
	}
}

func TestEntryIsThatOfTheObject(t *testing.T) {
	for _, source := range []string{
		string(deployment(t)), `{"metadata":{"name":"a","uid":"u","resourceVersion":"1","namespace":"b"}}`,
	} {
		var c canonicalizer
		got, err := c.entry([]byte(source), deployments)
		want := canonical(t, []byte(source), deployments, Portable).Entry
		want.Hash = ""
		if err != nil || got != want {
			t.Errorf("the entry is %+v, with error %v, want %+v", got, err, want)
		}
	}
}

func TestCanonicalRefuses(t *testing.T) {
	for _, source := range []string{
		``, `[]`, `"x"`, `null`, `{}`, `{"metadata":null}`, `{"metadata":{}}`, `{"metadata":"a"}`, `{"metadata":["name"]}`,
		`{"metadata":{"name":""}}`, `{"metadata":{"name":1}}`,
		`{"metadata":{"name":"a"}`, `{"metadata":{"name":"a","name":"a"}}`, "{\"metadata\":{\"name\":\"\xff\"}}",
	} {
		if form, err := Canonical([]byte(source), configMaps, Portable); err == nil {
			t.Errorf("%s has the canonical form\n%s", source, form.YAML)
		}
		var c canonicalizer
		if entry, err := c.entry([]byte(source), configMaps); err == nil {
			t.Errorf("%s has the entry %+v", source, entry)
		}
	}
	if _, err := Canonical(configMap(t), configMaps, 2); err == nil {
		t.Error("there is a level 2")
	}
}

// Whatever is taken must come back from the canonical form, at both levels, and nothing of it may be of the last-applied
// annotation or of managedFields.
func FuzzCanonical(f *testing.F) {
	if len(rulesCases) < 30 {
		f.Fatalf("%d seeds", len(rulesCases))
	}
	for i, c := range rulesCases {
		f.Add(jsonOf(f, strings.ReplaceAll(c.object, "\t", " ")), uint8(i))
	}
	f.Fuzz(func(t *testing.T, source []byte, resource uint8) {
		r := rulesCases[int(resource)%len(rulesCases)].r
		for _, level := range []Level{Portable, Faithful} {
			form, err := Canonical(source, r, level)
			if err != nil {
				return
			}
			back, err := yaml.YAMLToJSONStrict(form.YAML)
			if err != nil {
				t.Fatalf("%q became what cannot be read: %v\n%s", source, err, form.YAML)
			}
			if !smallNumbers(source) {
				return // the oracle writes others in its own way
			}
			again, err := Canonical(back, r, level)
			if err != nil || !bytes.Equal(again.YAML, form.YAML) || len(again.Removed) > 0 {
				t.Fatalf("%q became\n%s, and that, with error %v, without %q,\n%s", source, form.YAML, err, again.Removed, again.YAML)
			}
		}
	})
}

var smallNumber = regexp.MustCompile(`^(0|-?[1-9][0-9]{0,14})$`)

// smallNumbers reports whether all numbers are written as integers are that a float64 holds.
func smallNumbers(source []byte) bool {
	decoder := json.NewDecoder(bytes.NewReader(source))
	decoder.UseNumber()
	for {
		token, err := decoder.Token()
		if err != nil {
			return true
		}
		if n, ok := token.(json.Number); ok && !smallNumber.MatchString(string(n)) {
			return false
		}
	}
}
