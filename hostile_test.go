package clustersnap

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strings"
	"testing"
	"time"
)

// forge lays a set out around an index that the Writer would not write: all its
// digests hold, so that only the rules for the index stand between it and acceptance.
// It stores "evil" as the content of every name.
func forge(rawIndex string, names ...string) []byte {
	t := newDOSTime(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	var b, dir []byte
	store := func(name, content string) {
		start, crc, size := int64(len(b)), crc32.ChecksumIEEE([]byte(content)), int64(len(content))
		b = appendLocal(b, name, t)
		b = append(b, content...)
		b = appendDescriptor(b, crc, size)
		dir = appendCentral(dir, name, t, crc, size, start)
	}
	for _, n := range names {
		store(n, "evil")
	}
	store(indexName, rawIndex)
	return appendEnd(append(b, dir...), len(names)+1, int64(len(b)), int64(len(dir)), comment(sha256.Sum256([]byte(rawIndex))))
}

func evilIndex(version int, members ...string) string {
	return fmt.Sprintf(`{"version":%d,"created":"2026-01-02T03:04:05Z","members":[%s]}`, version, strings.Join(members, ","))
}

func evilMember(name string, size int64) string {
	return fmt.Sprintf(`{"name":%q,"size":%d,"crc32":%s,"sha256":%q,"description":null}`, name, size, evilCRC, evilSum)
}

var (
	evilCRC  = fmt.Sprint(crc32.ChecksumIEEE([]byte("evil")))
	evilSum  = fmt.Sprintf("%x", sha256.Sum256([]byte("evil")))
	otherCRC = fmt.Sprint(crc32.ChecksumIEEE([]byte("good")))
	otherSum = fmt.Sprintf("%x", sha256.Sum256([]byte("good")))
)

func openAndVerify(b []byte) error {
	s, err := Open(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return err
	}
	return s.Verify(context.Background())
}

func TestForgedIndex(t *testing.T) {
	if err := openAndVerify(forge(evilIndex(1, evilMember("a", 4)), "a")); err != nil {
		t.Fatalf("the forge makes no good set either: %v", err)
	}
	good := evilMember("a", 4)
	replaced := func(from, to string) []byte {
		return forge(strings.Replace(evilIndex(1, good), from, to, 1), "a")
	}
	for name, b := range map[string][]byte{
		"parent":             forge(evilIndex(1, evilMember("../x", 4)), "../x"),
		"absolute":           forge(evilIndex(1, evilMember("/x", 4)), "/x"),
		"NUL":                forge(evilIndex(1, evilMember("a\x00b", 4)), "a\x00b"),
		"duplicate":          forge(evilIndex(1, good, good), "a", "a"),
		"case twin":          forge(evilIndex(1, good, evilMember("A", 4)), "a", "A"),
		"index as member":    forge(evilIndex(1, evilMember(indexName, 4)), indexName),
		"size too small":     forge(evilIndex(1, evilMember("a", 3)), "a"),
		"size too large":     forge(evilIndex(1, evilMember("a", 5)), "a"),
		"size negative":      forge(evilIndex(1, evilMember("a", -4)), "a"),
		"size immense":       forge(evilIndex(1, evilMember("a", 1<<62)), "a"),
		"size overflows":     forge(evilIndex(1, evilMember("a", 1<<63-1), evilMember("b", 1<<63-1)), "a", "b"),
		"newer in the index": forge(evilIndex(2, good), "a"),
		"no version":         replaced(`"version":1,`, ""),
		"unknown field":      replaced(`{"version"`, `{"extra":1,"version"`),
		"two documents":      forge(evilIndex(1, good)+"{}", "a"),
		"another case":       replaced(`"version"`, `"VERSION"`),
		"version twice":      replaced(`"version"`, `"version":7,"version"`),
		"members twice":      replaced(`"members"`, `"members":[],"members"`),
		"name twice":         replaced(`"name"`, `"name":"b","name"`),
		"size null":          replaced(`"size":4`, `"size":null`),
		"too deep":           forge(evilIndex(1, evilMember("1/2/3/4/5/6/7/8/9", 4)), "1/2/3/4/5/6/7/8/9"),
		"no JSON":            forge("PK", "a"),
		"empty":              forge("", "a"),
		"sha256 of case":     replaced(evilSum, strings.ToUpper(evilSum)),
		"sha256 too short":   replaced(evilSum, evilSum[2:]),
		"sha256 no digits":   replaced(evilSum, strings.Repeat("z", 64)),
		"another digest":     replaced(evilSum, otherSum),
		"year 1979":          replaced("2026-", "1979-"),
		"member left out":    forge(evilIndex(1), "a"),
		"member added":       forge(evilIndex(1, good, evilMember("b", 4)), "a"),
		"order":              forge(evilIndex(1, good, evilMember("b", 4)), "b", "a"),
	} {
		t.Run(name, func(t *testing.T) {
			if err := openAndVerify(b); !errors.Is(err, ErrCorrupt) {
				t.Errorf("got %v, want ErrCorrupt", err)
			}
		})
	}
}

// The index states the CRC that the container's own fields carry: here all agree with each
// other and with the digest, and only the content does not.
func TestForgedCRC(t *testing.T) {
	b := forge(evilIndex(1, evilMember("a", 4)), "a")
	crc, other := crc32.ChecksumIEEE([]byte("evil")), crc32.ChecksumIEEE([]byte("good"))
	b = bytes.ReplaceAll(b, le.AppendUint32(nil, crc), le.AppendUint32(nil, other))
	ix := strings.Replace(evilIndex(1, evilMember("a", 4)), evilCRC, otherCRC, 1)
	if len(otherCRC) != len(evilCRC) {
		t.Fatal("the two CRCs must have the same number of digits")
	}
	old := evilIndex(1, evilMember("a", 4))
	b = bytes.Replace(b, []byte(old), []byte(ix), 1)
	b = bytes.Replace(b, []byte(fmt.Sprintf("%x", sha256.Sum256([]byte(old)))), []byte(fmt.Sprintf("%x", sha256.Sum256([]byte(ix)))), 1)
	b = bytes.ReplaceAll(b, le.AppendUint32(nil, crc32.ChecksumIEEE([]byte(old))), le.AppendUint32(nil, crc32.ChecksumIEEE([]byte(ix))))
	s, err := Open(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatalf("the forgery is seen too early: %v", err)
	}
	if err := s.Verify(context.Background()); !errors.Is(err, ErrCorrupt) {
		t.Errorf("got %v, want ErrCorrupt", err)
	}
}

// What the directory says of the index is used before anything has been checked.
func TestForgedIndexEntry(t *testing.T) {
	whole := forge(evilIndex(1, evilMember("a", 4)), "a")
	field := len(whole) - endSize - 24 // sizes and offset
	for _, v := range []uint64{0, 1, maxIndex, maxIndex + 1, 1 << 40, 1 << 63, 1<<64 - 1} {
		for _, at := range []int{field, field + 16} {
			b := bytes.Clone(whole)
			le.PutUint64(b[at:], v)
			if err := openAndVerify(b); err == nil {
				t.Errorf("%d at %d is accepted", v, at)
			}
		}
	}
}

// FuzzOpen holds that whatever is accepted is one canonical form: writing the
// members again gives the same bytes.
func FuzzOpen(f *testing.F) {
	seeds := [][]byte{
		forge(evilIndex(1)),
		forge(evilIndex(1, evilMember("a", 4)), "a"),
		forge(evilIndex(1, evilMember("a/b", 4), evilMember("a/c", 4)), "a/b", "a/c"),
	}
	if len(seeds) == 0 {
		f.Fatal("no seeds")
	}
	for _, b := range seeds {
		if err := openAndVerify(b); err != nil {
			f.Fatalf("seed is no set: %v", err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := Open(bytes.NewReader(b), int64(len(b)))
		if err != nil || s.Verify(context.Background()) != nil {
			return
		}
		if again := relay(t, s, b); !bytes.Equal(again, b) {
			t.Fatalf("%d bytes are accepted whose one form is another:\n%q\n%q", len(b), b, again)
		}
	})
}

// relay lays the members of s and its index, which it finds by itself, out once more.
func relay(t *testing.T, s *Set, b []byte) []byte {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatalf("accepted, and no zip: %v", err)
	}
	var out, dir []byte
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatalf("accepted, and archive/zip can't open %q: %v", f.Name, err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatalf("accepted, and archive/zip can't read %q: %v", f.Name, err)
		}
		at, crc, stamp := int64(len(out)), crc32.ChecksumIEEE(content), newDOSTime(s.Created())
		out = append(appendLocal(out, f.Name, stamp), content...)
		out = appendDescriptor(out, crc, int64(len(content)))
		dir = appendCentral(dir, f.Name, stamp, crc, int64(len(content)), at)
		if f.Name == indexName {
			dir = appendEnd(dir, len(z.File), int64(len(out)), int64(len(dir)), comment(sha256.Sum256(content)))
		}
	}
	return append(out, dir...)
}

// Names cost memory and time, so their number is bounded before anything else is done.
func TestTooManyMembers(t *testing.T) {
	var members, forged []string
	for i := range maxMembers + 1 {
		name := fmt.Sprint("m", i)
		forged = append(forged, name)
		members = append(members, evilMember(name, 4))
	}
	if err := openAndVerify(forge(evilIndex(1, members...), forged...)); !errors.Is(err, ErrCorrupt) {
		t.Errorf("%d members: %v, want ErrCorrupt", len(members), err)
	}
	if err := openAndVerify(forge(evilIndex(1, members[1:]...), forged[1:]...)); err != nil {
		t.Errorf("%d members: %v", maxMembers, err)
	}
}
