package pair

import (
	"errors"
	"fmt"
	"maps"
	"testing"
)

func TestDecode(t *testing.T) {
	for name, c := range map[string]struct {
		value []byte
		kind  string
		want  map[string]string
		typed string
	}{
		"ConfigMap": {configMap("ca.crt", "1", "other", "2"), "ConfigMap", map[string]string{"ca.crt": "1"}, ""},
		"Secret":    {secret("Opaque", "token", "1", "other", "2"), "Secret", map[string]string{"token": "1"}, "Opaque"},
		"binary data is no type": {stock("ConfigMap", message(2, message(1, "ca.crt", 2, "1"), 3, message(1, "a", 2, "b"))),
			"ConfigMap", map[string]string{"ca.crt": "1"}, ""},
		"the last of a key":     {configMap("ca.crt", "1", "ca.crt", "2"), "ConfigMap", map[string]string{"ca.crt": "2"}, ""},
		"other kinds of fields": {stock("Secret", append([]byte("\x28\x01\x31abcdefgh"), message(3, "x")...)), "Secret", nil, "x"},
		"empty":                 {configMap(), "ConfigMap", nil, ""},
		"JSON":                  {[]byte(`{"apiVersion":"v1","kind":"ConfigMap","data":{"ca.crt":"1","other":"2"}}`), "ConfigMap", map[string]string{"ca.crt": "1"}, ""},
		"Secret in JSON":        {[]byte(`{"apiVersion":"v1","kind":"Secret","type":"x","data":{"token":"MQ==","other":"?"}}`), "Secret", map[string]string{"token": "1"}, "x"},
		"JSON without any data": {[]byte(`{"apiVersion":"v1","kind":"Secret"}`), "Secret", nil, ""},
	} {
		got, err := decode(c.value, nil, c.kind)
		data := map[string]string{}
		for key, text := range got.data {
			data[key] = string(text)
		}
		if err != nil || !maps.Equal(data, c.want) || got.kind != c.typed {
			t.Errorf("%s: %q of type %q, %v; want %q of type %q", name, data, got.kind, err, c.want, c.typed)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	unknown := func(version, kind, encoding string) []byte {
		return append([]byte("k8s\x00"), message(1, message(1, version, 2, kind), 2, message(3, "hidden"), 3, encoding)...)
	}
	for name, c := range map[string]struct {
		value []byte
		want  string
	}{
		"nothing":           {nil, errForm.Error()},
		"CBOR":              {[]byte("\xd9\xd9\xf7\xa1"), errForm.Error()},
		"YAML":              {[]byte("apiVersion: v1\nkind: Secret\n"), errForm.Error()},
		"compressed":        {unknown("v1", "Secret", "gzip"), errForm.Error()},
		"another kind":      {unknown("v1", "ConfigMap", ""), "it is no Secret of v1"},
		"another version":   {unknown("hidden/v1", "Secret", ""), "it is no Secret of v1"},
		"no kind":           {[]byte("k8s\x00"), "it is no Secret of v1"},
		"cut":               {secret("hidden", "token", "hidden")[:30], errBroken.Error()},
		"cut entry":         {stock("Secret", message(2, "\x0a\x7fhidden")), errBroken.Error()},
		"cut kind":          {append([]byte("k8s\x00"), message(1, "\x0a\x7fhidden")...), errBroken.Error()},
		"no tag":            {[]byte("k8s\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), errBroken.Error()},
		"cut number":        {[]byte("k8s\x00\x08\xff"), errBroken.Error()},
		"no JSON":           {[]byte("{hidden"), errBroken.Error()},
		"JSON of a kind":    {[]byte(`{"apiVersion":"v1","kind":"ConfigMap"}`), "it is no Secret of v1"},
		"JSON of a version": {[]byte(`{"apiVersion":"v2","kind":"Secret"}`), "it is no Secret of v1"},
		"no base64":         {[]byte(`{"apiVersion":"v1","kind":"Secret","data":{"token":"hidden!"}}`), errBroken.Error()},
		"wrong type":        {[]byte(`{"apiVersion":"v1","kind":"Secret","data":{"token":7}}`), errBroken.Error()},
	} {
		if got, err := decode(c.value, nil, "Secret"); err == nil || err.Error() != c.want {
			t.Errorf("%s: %v, %v; want %q", name, got, err, c.want)
		}
	}
	reason := errors.New("the reason")
	if _, err := decode(secret("Opaque"), reason, "Secret"); !errors.Is(err, reason) {
		t.Errorf("a Secret that was not decrypted: %v", err)
	}
}

func TestPrintable(t *testing.T) {
	for name, want := range map[string]string{
		"kube-system/token":     "kube-system/token",
		"a\x1b[2Jb":             `"a\x1b[2Jb"`,
		"two\nlines":            `"two\nlines"`,
		fmt.Sprintf("%300d", 1): fmt.Sprintf("%200s", ""),
	} {
		if got := printable(name); got != want {
			t.Errorf("%q: %s, want %s", name, got, want)
		}
	}
}
