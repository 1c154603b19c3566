package apply

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

func TestDecodeRefuses(t *testing.T) {
	const secret = "swordfish"
	for name, body := range map[string]string{
		"nothing":       "",
		"a list":        "- a: swordfish\n",
		"text":          "swordfish",
		"broken":        "data: {a: swordfish\n",
		"a key twice":   "data: {a: swordfish, a: b}\n",
		"two documents": "a: swordfish\n---\nb: c\n",
		"no UTF-8":      "a: \xff swordfish\n",
		"too long":      "a: swordfish" + strings.Repeat(" ", maxBody),
		"aliases":       "a: &a " + strings.Repeat("x", 1<<20) + "\nb: [" + strings.Repeat("*a,", 40) + "]\n",
		"no name":       `{"apiVersion":"v1","kind":"Secret","metadata":{"namespace":"swordfish"}}`,
		"no kind":       `{"apiVersion":"v1","metadata":{"name":"swordfish"}}`,
		"null":          "null",
	} {
		object, err := decode([]byte(body))
		if err == nil {
			_, err = headOf(object)
		}
		if err == nil {
			t.Errorf("%s is taken: %v", name, object)
		} else if strings.Contains(err.Error(), secret) {
			t.Errorf("%s: the error shows what was read: %v", name, err)
		}
	}
}

func TestDecodeKeepsNumbers(t *testing.T) {
	object, err := decode([]byte("a: 9007199254740993\nb: \"1e3\"\nc: 0.1\n"))
	want := map[string]any{"a": int64(9007199254740993), "b": "1e3", "c": 0.1}
	if err != nil || !reflect.DeepEqual(object, want) {
		t.Errorf("%#v (%v), want %#v", object, err, want)
	}
}

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: b}\ndata: {a: \"1\"}\n",
		`{"apiVersion":"v1","kind":"Secret","metadata":{"name":"a"},"data":{"a":"Yg=="}}`,
		"a: &a [b]\nc: *a\n", "- a\n", "metadata: []\n", "metadata: {name: 1}\napiVersion: {}\n", "{", "? [a]\n: b\n",
		"!!binary aGk=: x\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		object, err := decode(body)
		if err != nil {
			return
		}
		if _, err := headOf(object); err != nil {
			return
		}
		raw, err := json.Marshal(object)
		if err != nil {
			t.Fatal(err)
		}
		again, err := decodeJSON(raw)
		if err != nil || !reflect.DeepEqual(again, object) {
			t.Errorf("%#v becomes %#v (%v)", object, again, err)
		}
		moveTo(again, object, nil)
		if len(again) != 0 {
			t.Errorf("%#v is left", again)
		}
		if d := differences(object, object); d != nil {
			t.Errorf("it differs from itself at %q", d)
		}
	})
}
