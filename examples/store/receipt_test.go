package store

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
)

func goodReceipt() Receipt {
	return Receipt{
		Version: 1, Set: "s.clustersnap", Size: 10, SHA256: strings.Repeat("0a", 32), Verdict: Verified,
		About: About{Created: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC), Cluster: "prod", Node: "cp1", Revision: 7},
	}
}

func text(t testing.TB, r Receipt) []byte {
	t.Helper()
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestReceipt(t *testing.T) {
	r := goodReceipt()
	r.LockedUntil = r.Created.Add(time.Hour)
	if got, err := ParseReceipt(text(t, r)); err != nil || got != r {
		t.Errorf("%+v, %v", got, err)
	}
	elsewhere := r
	elsewhere.Created = r.Created.In(time.FixedZone("", 7200))
	elsewhere.LockedUntil = r.LockedUntil.In(time.FixedZone("", 7200))
	if got, err := ParseReceipt(text(t, elsewhere)); err != nil || got != r {
		t.Errorf("of another zone: %+v, %v", got, err)
	}
	for name, change := range map[string]func(*Receipt){
		"version":  func(r *Receipt) { r.Version = 0 },
		"set":      func(r *Receipt) { r.Set = "../s.clustersnap" },
		"created":  func(r *Receipt) { r.Created = time.Time{} },
		"cluster":  func(r *Receipt) { r.Cluster = "a\u009bb" },
		"node":     func(r *Receipt) { r.Node = strings.Repeat("n", 300) },
		"revision": func(r *Receipt) { r.Revision = -1 },
		"size":     func(r *Receipt) { r.Size = 0 },
		"sha256":   func(r *Receipt) { r.SHA256 = strings.Repeat("A", 64) },
		"verdict":  func(r *Receipt) { r.Verdict = "good" },
	} {
		r := goodReceipt()
		change(&r)
		if _, err := ParseReceipt(text(t, r)); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("bad %s: %v", name, err)
		}
	}
	r.Version = 2
	if _, err := ParseReceipt(text(t, r)); !errors.Is(err, ErrNewerReceipt) {
		t.Errorf("newer: %v", err)
	}
	whole := text(t, goodReceipt())
	for n := range whole {
		if _, err := ParseReceipt(whole[:n]); err == nil {
			t.Errorf("cut at %d of %d it is read", n, len(whole))
		}
	}
	for _, bad := range []string{
		string(whole) + "{}", strings.Replace(string(whole), "{", `{"x":1,`, 1), string(whole) + strings.Repeat(" ", 65<<10),
	} {
		if _, err := ParseReceipt([]byte(bad)); err == nil {
			t.Errorf("read: %.60s", bad)
		}
	}
}

func FuzzParseReceipt(f *testing.F) {
	f.Add(text(f, goodReceipt()))
	f.Add([]byte(`{"version":2}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ParseReceipt(b)
		if err != nil {
			return
		}
		if again, err := ParseReceipt(text(t, r)); err != nil || !again.Created.Equal(r.Created) || again.SHA256 != r.SHA256 {
			t.Errorf("%+v comes back as %+v, %v", r, again, err)
		}
	})
}
