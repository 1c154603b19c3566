package handover

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// full has every field.
func full() Record {
	return Record{
		Driver: "dir.example.com", Handle: "snap-1", Volume: "vol-1", Cut: time.Date(2026, 11, 26, 17, 0, 0, 123456789, time.UTC),
		RestoreSize: 1 << 30, Mode: "Filesystem", Cluster: "2d0f", Namespace: "shop", Snapshot: "db-1", Run: "nightly", Class: "dir",
		Claim: "db", Size: 2 << 30, AccessModes: []string{"ReadWriteOnce"}, FSType: "ext4", StorageClass: "dir",
		Labels: map[string]string{"app": "db"}, Group: "g", GroupHandle: "group-1", DeletionSecret: "kube-system/csi",
	}
}

func written(t testing.TB, records ...Record) string {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, records); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestRoundTrip(t *testing.T) {
	fields := reflect.ValueOf(full())
	for i := range fields.NumField() {
		if fields.Field(i).IsZero() {
			t.Fatalf("the test leaves out %s", fields.Type().Field(i).Name)
		}
	}
	for _, records := range [][]Record{{}, {full()}, {full(), {Driver: "d", Handle: "h"}, full()}} {
		got, err := Read(iotest.OneByteReader(strings.NewReader(written(t, records...))))
		if err != nil || !reflect.DeepEqual(got, records) {
			t.Errorf("wrote %+v, read %+v, %v", records, got, err)
		}
	}
}

// The form is what backup sets of years ago have, so it does not change.
func TestForm(t *testing.T) {
	want := `{
  "format": "clustersnap volume snapshots",
  "version": 1,
  "records": [
    {
      "driver": "dir.example.com",
      "handle": "snap-1",
      "cut": "2026-11-26T17:00:00.123456789Z"
    }
  ]
}
`
	got := written(t, Record{Driver: "dir.example.com", Handle: "snap-1", Cut: full().Cut})
	if got != want {
		t.Errorf("got %s", got)
	}
	if got := written(t); !strings.Contains(got, `"records": []`) {
		t.Errorf("no records are %s", got)
	}
}

func TestReadRefuses(t *testing.T) {
	good := written(t, full())
	huge := strings.Repeat("x", maxText+1)
	for name, text := range map[string]string{
		"nothing":           "",
		"another format":    strings.Replace(good, format, "something", 1),
		"no version":        strings.Replace(good, `"version": 1,`, "", 1),
		"version 0":         strings.Replace(good, `"version": 1`, `"version": 0`, 1),
		"version of text":   strings.Replace(good, `"version": 1`, `"version": "1"`, 1),
		"null records":      `{"format":"` + format + `","version":1,"records":null}`,
		"a null record":     `{"format":"` + format + `","version":1,"records":[null]}`,
		"unknown key":       strings.Replace(good, `"volume"`, `"size2"`, 1),
		"key in other case": strings.Replace(good, `"volume"`, `"Volume"`, 1),
		"key twice":         strings.Replace(good, `"volume": "vol-1"`, `"volume": "a", "volume": "b"`, 1),
		"null value":        strings.Replace(good, `"volume": "vol-1"`, `"volume": null`, 1),
		"null labels": strings.Replace(good, `{
        "app": "db"
      }`, "null", 1),
		"label twice":        strings.Replace(good, `"app": "db"`, `"app": "db", "app": "web"`, 1),
		"label of a number":  strings.Replace(good, `"app": "db"`, `"app": 1`, 1),
		"no handle":          strings.Replace(good, `"handle": "snap-1",`, "", 1),
		"empty handle":       strings.Replace(good, "snap-1", "", 1),
		"a driver of spaces": strings.Replace(good, "dir.example.com", "a b", 1),
		"no namespace":       strings.Replace(good, `"namespace": "shop"`, `"namespace": "Shop/x"`, 1),
		"no snapshot":        strings.Replace(good, `"snapshot": "db-1"`, `"snapshot": "db 1"`, 1),
		"another mode":       strings.Replace(good, "Filesystem", "filesystem", 1),
		"negative size":      strings.Replace(good, "1073741824", "-1", 1),
		"size of a fraction": strings.Replace(good, "1073741824", "1.5", 1),
		"size over 64 bits":  strings.Replace(good, "1073741824", "1e30", 1),
		"year 0":             strings.Replace(good, "2026-11-26", "0001-11-26", 1),
		"a line break":       strings.Replace(good, "snap-1", `snap\n1`, 1),
		"an escape":          strings.Replace(good, "snap-1", `snap\u001b[2J`, 1),
		"a long handle":      strings.Replace(good, "snap-1", huge, 1),
		"a long label":       strings.Replace(good, `"app"`, `"`+huge+`"`, 1),
		"more after it":      good + "{}",
	} {
		if name != "nothing" && text == good {
			t.Fatalf("%s: the text is as it was", name)
		}
		if got, err := Read(strings.NewReader(text)); err == nil {
			t.Errorf("%s: read %+v", name, got)
		}
	}
}

// Whatever a later version has changed, it is told apart from a broken file.
func TestNewer(t *testing.T) {
	text := `{"format":"` + format + `","version":2,"pages":[{"driver":7}]}`
	if _, err := Read(strings.NewReader(text)); !errors.Is(err, ErrNewer) {
		t.Errorf("got %v", err)
	}
}

func TestTruncated(t *testing.T) {
	text := strings.TrimSpace(written(t, full(), full()))
	for n := range text {
		if got, err := Read(strings.NewReader(text[:n])); err == nil {
			t.Fatalf("%d of %d bytes were read as %d records", n, len(text), len(got))
		}
	}
	for _, n := range []int{len(text) / 2, len(text) - 1} {
		_, err := Read(strings.NewReader(text[:n]))
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("after %d bytes: %v", n, err)
		}
	}
}

// endless has no end.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

func TestBounded(t *testing.T) {
	_, err := Read(io.MultiReader(strings.NewReader(`{"format":"`+format+`","version":1,"records":[`), endless{}))
	if err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("got %v", err)
	}
}

func TestWriteRefuses(t *testing.T) {
	for name, r := range map[string]Record{
		"no driver":   {Handle: "h"},
		"no handle":   {Driver: "d"},
		"line break":  {Driver: "d", Handle: "a\nb"},
		"not UTF-8":   {Driver: "d", Handle: "a\xff"},
		"many labels": {Driver: "d", Handle: "h", Labels: manyLabels()},
		"many modes":  {Driver: "d", Handle: "h", AccessModes: make([]string, maxModes+1)},
		"year 10000":  {Driver: "d", Handle: "h", Cut: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)},
	} {
		var b bytes.Buffer
		if err := Write(&b, []Record{r}); !errors.Is(err, ErrRecord) || b.Len() > 0 {
			t.Errorf("%s: %v, %d bytes", name, err, b.Len())
		}
	}
	broken := errors.New("disk full")
	if err := Write(writer{broken}, []Record{full()}); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

func manyLabels() map[string]string {
	m := map[string]string{}
	for i := range maxLabels + 1 {
		m[strings.Repeat("x", i)] = ""
	}
	return m
}

type writer struct{ err error }

func (w writer) Write([]byte) (int, error) { return 0, w.err }
