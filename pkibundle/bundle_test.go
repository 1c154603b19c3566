package pkibundle_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/clustersnap/clustersnap/pkibundle"
)

var verbs = []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%#x", "%d", "%o", "%b", "%c", "%U", "%t"}

// traces gives what secret looks like wherever a form of it may appear.
func traces(secret []byte) []string {
	all := []string{string(secret), base64.StdEncoding.EncodeToString(secret)}
	for _, verb := range verbs {
		all = append(all, strings.Trim(fmt.Sprintf(verb, secret), `[]"`))
	}
	list := strings.TrimPrefix(fmt.Sprintf("%#v", secret), "[]byte{")
	return append(all, strings.TrimSuffix(list, "}"))
}

// logged gives what both handlers of slog write.
func logged(v any) string {
	var buf bytes.Buffer
	for _, h := range []slog.Handler{slog.NewTextHandler(&buf, nil), slog.NewJSONHandler(&buf, nil)} {
		slog.New(h).Info("bundle", "value", v, slog.Group("group", "value", v))
	}
	return buf.String()
}

func TestSecretsDoNotShow(t *testing.T) {
	secret := make([]byte, 33)
	rand.Read(secret)
	f := pkibundle.File{Path: "etc/ca.key", Mode: 0o600, Data: secret}
	b := pkibundle.Bundle{Files: []pkibundle.File{f}}
	values := map[string]any{
		"File": f, "*File": &f, "[]File": b.Files, "Bundle": b, "*Bundle": &b, "[]*File": []*pkibundle.File{&f},
		"fields": struct{ B, P any }{b, &b},
		"map":    map[string]pkibundle.File{"f": f},
	}
	for name, v := range values {
		forms := map[string]string{"slog": logged(v)}
		for _, verb := range verbs {
			forms[verb] = fmt.Sprintf(verb, v)
		}
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		forms["json"] = string(text)
		if text, err := xml.Marshal(v); err == nil {
			forms["xml"] = string(text)
		}
		for form, shown := range forms {
			for _, trace := range traces(secret) {
				if strings.Contains(shown, trace) {
					t.Errorf("%s as %s shows contents: %s", name, form, shown)
					break
				}
			}
			if !strings.Contains(shown, "[redacted]") {
				t.Errorf("%s as %s does not say that it is redacted: %s", name, form, shown)
			}
		}
	}
}

// The test above sees nothing if traces does not find what Go prints.
func TestTracesFindSecrets(t *testing.T) {
	type plain struct{ Data []byte }
	secret := make([]byte, 33)
	rand.Read(secret)
	v := plain{secret}
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	shown := []string{string(text), logged(v)}
	for _, verb := range verbs {
		if verb != "%t" { // prints %!t(uint8=1) for each byte
			shown = append(shown, fmt.Sprintf(verb, v))
		}
	}
	for _, s := range shown {
		found := false
		for _, trace := range traces(secret) {
			found = found || strings.Contains(s, trace)
		}
		if !found {
			t.Errorf("no trace found in %s", s)
		}
	}
}

func TestFileSaysWhatItIs(t *testing.T) {
	for want, f := range map[string]pkibundle.File{
		"-rw------- etc/ca.key 3 bytes [redacted]": {Path: "etc/ca.key", Mode: 0o600, Data: []byte("key")},
		"etc/l -> ca.key":                          {Path: "etc/l", Mode: 0o777, Link: "ca.key"},
	} {
		if got := fmt.Sprint(f); got != want {
			t.Errorf("prints %q, not %q", got, want)
		}
	}
}

func TestClear(t *testing.T) {
	b := smallBundle()
	data := b.Files[0].Data
	b.Clear()
	if !bytes.Equal(data, make([]byte, len(data))) || len(data) == 0 {
		t.Errorf("contents are %q", data)
	}
	if _, err := sealTo(&bytes.Buffer{}, b, newIdentity(t).Recipient()); err == nil {
		t.Error("a cleared bundle was sealed")
	}
}
