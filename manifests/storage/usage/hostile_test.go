package usage_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/clustersnap/clustersnap/manifests/storage/usage"
)

// Keys that nobody would have are counted, if not told apart.
func TestFolded(t *testing.T) {
	w := newWritten()
	for i := range 5000 {
		w.put(fmt.Sprintf("/registry/example.com/r%04d/shop/a", i), "")
	}
	for i := range 70_000 {
		w.put(fmt.Sprintf("/registry/example.com/r0000/n%06d/a", i), "")
	}
	report := count(t, w, usage.Options{Objects: 3})
	if len(report.Resources) != 4097 {
		t.Errorf("%d resources are told apart", len(report.Resources))
	}
	var folded, places int
	var total usage.Sizes
	for _, r := range report.Resources {
		for _, n := range r.Namespaces {
			places++
			total.Keys += n.Keys
			total.RecordBytes += n.RecordBytes
			if n.Namespace != usage.Others {
				continue
			}
			folded += int(n.Keys)
			if len(n.Objects) == 0 || !strings.Contains(n.Objects[0].Name, "/a") {
				t.Errorf("objects of %s in %s are %+v: want names that tell where they are", r.Resource, n.Namespace, n.Objects)
			}
		}
	}
	if places != 65536+1 || total.Keys != 75_000 || total.RecordBytes != report.Total.RecordBytes {
		t.Errorf("%d places with %+v", places, total)
	}
	if want := 5000 - 4096 + 70_000 - (65536 - 4096 - 1); folded != want {
		t.Errorf("%d keys are folded, want %d", folded, want)
	}
}

// Names of any length and of any bytes come back short and in UTF-8.
func TestHostileNames(t *testing.T) {
	w := newWritten()
	long := strings.Repeat("ä", 100_000)
	for _, key := range []string{
		"/registry/secrets/shop/" + long, "/registry/secrets/" + long + "/a", "/registry/" + long + "/a/b", long,
		"/registry", "/registry/", "/registry//", "/", "//", "\x00", "\xff\xfe",
		"/registry/secrets", "/registry/secrets/", "/registry/secrets//", "/registry/secrets/a//b",
		"/registry/secrets/\xff/\xff", "/registry/\xff/a/b", strings.Repeat("\xffa", 200),
		"/registry/example.com", "/registry/example.com//x",
	} {
		w.put(key, custom(long, "a", 1))
		w.put(key+"2", "")
		w.remove(key)
	}
	report := count(t, w, usage.Options{Objects: 100})
	if report.Total.Records != int64(len(w.events)) {
		t.Errorf("%d records of %d are counted", report.Total.Records, len(w.events))
	}
	fits := func(s string) {
		if len(s) > 253 || !utf8.ValidString(s) {
			t.Errorf("a text of %d bytes: %.40q", len(s), s)
		}
	}
	for _, r := range report.Resources {
		fits(r.Resource)
		fits(r.Group)
		fits(r.Kind)
		for _, n := range r.Namespaces {
			fits(n.Namespace)
			for _, o := range n.Objects {
				fits(o.Name)
			}
		}
	}
}

// FuzzCount has one key and value counted, whatever they are.
func FuzzCount(f *testing.F) {
	f.Add([]byte("/registry/secrets/shop/a"), []byte("k8s:enc:secretbox:v1:key1:x"), "/registry")
	f.Add([]byte("/registry/example.com/widgets/shop/a"), []byte(custom("Widget", "a", 10)), "")
	f.Add([]byte("/registry/wonders/shop/a"), []byte("k8s\x00\n\x00\x12\x05\n\x03\n\x01a"), "registry/")
	f.Add([]byte("compact_rev_key"), []byte("12"), "/")
	f.Fuzz(func(t *testing.T, key, value []byte, prefix string) {
		if len(key) == 0 {
			return
		}
		w := newWritten()
		w.put(string(key), string(value))
		w.put(string(key), string(value))
		report := count(t, w, usage.Options{Prefix: prefix, Objects: 2})
		if len(report.Largest) != 1 || report.Total.Keys != 1 || report.Total.Records != 2 {
			t.Fatalf("one key, written twice, is %+v", report)
		}
		o := report.Largest[0]
		if o.Bytes < int64(len(key)+len(value)) || o.ManagedFields > o.Bytes || o.RecordBytes != 2*o.Bytes {
			t.Errorf("of %d bytes, %d, %d and %d are counted", len(key)+len(value), o.Bytes, o.RecordBytes, o.ManagedFields)
		}
	})
}
