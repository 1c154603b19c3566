package tree_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/tree"
)

// Whatever a value looks like, it does not get through; what is not secret stays.
func TestRedact(t *testing.T) {
	k, of := newKey(t, 1), key("secrets/x@y")
	for name, text := range map[string]string{
		"usual":          "apiVersion: v1\ndata:\n  a.b: c2VjcmV0\n  \"yes\": c2VjcmV0\nkind: Secret\ntype: Opaque\n",
		"quoted":         "data:\n  \"1e3\": \"c2VjcmV0\"\n",
		"many lines":     "data:\n  a: |\n    c2VjcmV0\n    c2VjcmV0\n\n    c2VjcmV0\n  b: \"c2VjcmV0\\\n    c2VjcmV0\"\nkind: Secret\n",
		"string data":    "kind: Secret\nstringData:\n  a: c2VjcmV0\n",
		"in one line":    "data: {\"a\": \"c2VjcmV0\"}\nkind: Secret\n",
		"empty value":    "data:\n  a: \"\"\n",
		"lists beside":   "data:\n  a: c2VjcmV0\nmetadata:\n  finalizers:\n  - x\n",
		"no data":        "kind: Secret\n",
		"empty data":     "data: {}\nkind: Secret\n",
		"last and short": "data:\n  a: c2VjcmV0",
	} {
		got, err := k.Redact(of, []byte(text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var was, is map[string]any
		if yaml.Unmarshal([]byte(text), &was) != nil || yaml.UnmarshalStrict(got, &is) != nil {
			t.Errorf("%s: %q is no YAML", name, got)
		}
		for _, field := range []string{"data", "stringData"} {
			values, _ := is[field].(map[string]any)
			before, _ := was[field].(map[string]any)
			if len(values) != len(before) {
				t.Errorf("%s: %q has other keys", name, got)
			}
			for _, v := range values {
				if s, _ := v.(string); !strings.HasPrefix(s, "hmac-sha256:") || len(s) != len("hmac-sha256:")+64 {
					t.Errorf("%s: a value is %v", name, v)
				}
			}
			delete(is, field)
			delete(was, field)
		}
		if fmt.Sprint(is) != fmt.Sprint(was) || strings.Contains(string(got), "c2Vj") {
			t.Errorf("%s: got %q", name, got)
		}
		if _, err := (tree.MACKey{}).Redact(of, []byte(text)); err == nil {
			t.Errorf("%s: redacted without a key", name)
		}
	}
	for name, text := range map[string]string{
		"not YAML": "data: c2VjcmV0: c2VjcmV0\n", "a list": "data:\n- c2VjcmV0\n", "a number": "data:\n  a: 12\n",
		"twice": "data:\n  a: x\ndata:\n  a: x\n", "nested": "data:\n  a:\n    b: c2VjcmV0\n", "quoted field": "\"data\":\n  a: c2VjcmV0\n",
		"no map": "c2VjcmV0\n", "a text": "data: c2VjcmV0\n",
	} {
		if got, err := k.Redact(of, []byte(text)); err == nil && strings.Contains(string(got), "c2Vj") {
			t.Errorf("%s: redacted as %q", name, got)
		} else if err != nil && strings.Contains(err.Error(), "c2Vj") {
			t.Errorf("%s: the error gives it away: %v", name, err)
		}
	}
}

// Annotations in which tools repeat a Secret do not get through, and others do.
func TestRedactCopies(t *testing.T) {
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	io.WriteString(w, `{"data":{"p":"b2xk"}}`)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	k, of := newKey(t, 1), key("secrets/x@y")
	for value, told := range map[string]bool{
		`{"data":{"p":"` + password + `"}}`: true,
		`{"data":{"p":"b2xk"}}`:             true,
		` [{"p":"b2xk"}]`:                   true,
		"hunter2":                           true,
		"the password is hunter2!":          true,
		"in base64 " + strings.TrimRight(password, "=") + "...":  true,
		"kind: Secret\nstringData:\n  p: old":                    true,
		"  indented\n\n    data:\n    p: old\n\n":                true,
		base64.StdEncoding.EncodeToString(zipped.Bytes()):        true,
		base64.RawURLEncoding.EncodeToString(zipped.Bytes()):     true,
		base64.StdEncoding.EncodeToString([]byte(`{"p":"old"}`)): true,
		"ok":                           true, // all of a short value
		"it is ok: #1, two\n\n  lines": false,
		"plain":                        false,
		"":                             false,
		"2026-01-01T00:00:00Z":         false,
	} {
		raw, err := json.Marshal(map[string]any{
			"apiVersion": "v1", "kind": "Secret", "type": "Opaque",
			"data": map[string]string{"p": password, "short": "b2s="},
			"metadata": map[string]any{
				"name": "x", "namespace": "y", "finalizers": []string{"example.com/a"}, "labels": map[string]string{"a": "b"},
				"annotations": map[string]string{"a": "first\n", "kapp.k14s.io/original": value, "z": "last"},
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		secrets := manifests.Resource{Version: "v1", Resource: "secrets", Kind: "Secret", Namespaced: true}
		o, err := manifests.Canonical(raw, secrets, manifests.Faithful)
		if err != nil {
			t.Fatal(err)
		}
		got, err := k.Redact(of, o.YAML)
		if err != nil {
			t.Errorf("%q: %v", value, err)
			continue
		}
		var is struct {
			Metadata struct{ Annotations, Labels map[string]string }
		}
		if err := yaml.Unmarshal(got, &is); err != nil {
			t.Fatal(err)
		}
		a := is.Metadata.Annotations
		if len(a) != 3 || a["a"] != "first\n" || a["z"] != "last" || is.Metadata.Labels["a"] != "b" {
			t.Errorf("%q: others are touched: %s", value, got)
		}
		now := a["kapp.k14s.io/original"]
		if hidden := strings.HasPrefix(now, "hmac-sha256:"); hidden != told || !hidden && now != value {
			t.Errorf("%q: is %q", value, now)
		}
	}
	text := "data:\n  p: " + password + "\nmetadata: {\"annotations\": {\"a\": \"hunter2\"}}\n"
	if got, err := k.Redact(of, []byte(text)); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("in no canonical form: %q, %v", got, err)
	}
}
