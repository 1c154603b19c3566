package tree

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

func pairsOf(object string) (string, error) {
	var b strings.Builder
	err := eachPair([]byte(object), func(key, value []byte) error {
		b.WriteString(string(key) + "=" + string(value) + ";")
		return nil
	})
	return b.String(), err
}

func TestPairs(t *testing.T) {
	for _, c := range []struct{ name, object, want string }{
		{"none", `{}`, ""},
		{"all kinds", `{"a":"x","b":12,"c":true}`, "a=x;b=12;c=true;"},
		{"empty", `{"a":""}`, "a=;"},
		{"escapes", `{"a":"\"\\\u0001b\u001f","b":"\\"}`, "a=\"\\\x01b\x1f;b=\\;"},
		{"brackets in a string", `{"a":"},{","b":1}`, "a=},{;b=1;"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, err := pairsOf(c.object); err != nil || got != c.want {
				t.Errorf("the pairs are %q and %v, want %q", got, err, c.want)
			}
		})
	}
}

func TestBadPairs(t *testing.T) {
	for _, object := range []string{
		``, `{`, `}`, `{}x`, `{"a"}`, `{"a":}`, `{"a":"x}`, `{"a":"x"`, `{"a":"\`, `{"a":"\u00`, `{"a":"\n"}`,
		`{"a":"\u00gg"}`, `{"a":"\u12ab"}`,
		`{"a":1,}`, `{,"a":1}`, `{"a":1 "b":2}`, `{"a\"":1}`, `{a:1}`, ` {"a":1}`, `{"a": "x"}x`,
	} {
		if got, err := pairsOf(object); err == nil {
			t.Errorf("%q gives %q, and no error", object, got)
		}
	}
}

// What is taken for a row, and written again as it was, any reader of JSON has to take for the same.
func FuzzRowIsJSON(f *testing.F) {
	f.Add(`{"uid":"b\"\\\u0001","resourceVersion":"7","modified":12}`)
	f.Add(`{"uid":"x","uid":"y"}`)
	f.Add(`{}`)
	f.Fuzz(func(t *testing.T, line string) {
		r, err := parseRow([]byte(line))
		if err != nil || string(r.append(nil)) != line || !utf8.ValidString(line) {
			return
		}
		var want struct {
			UID, ResourceVersion, AsOf string
			Modified                   int64
		}
		if err := json.Unmarshal([]byte(line), &want); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if got := (row{want.UID, want.ResourceVersion, want.AsOf, want.Modified}); got != r {
			t.Errorf("%q is %+v, want %+v", line, r, got)
		}
	})
}
