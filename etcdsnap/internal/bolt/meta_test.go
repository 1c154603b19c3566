package bolt_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/clustersnap/clustersnap/etcdsnap/internal/bolt"
	. "github.com/clustersnap/clustersnap/etcdsnap/internal/bolttest"
)

func TestMetaPagesAreThoseOfBbolt(t *testing.T) {
	t.Parallel()
	for _, pageSize := range []int{4 << 10, 8 << 10, 16 << 10, 32 << 10, 64 << 10} {
		db := sample(pageSize)
		b := db.Bytes()
		m, err := bolt.ParseMetas(b[:min(len(b), bolt.HeadSize)])
		want := bolt.Meta{PageSize: pageSize, Root: db.Root, Freelist: db.Freelist, Pages: uint64(db.Pages()), Txid: 7}
		if err != nil || m.Meta != want || !m.Both || m.Older.Txid != 6 {
			t.Errorf("%d-byte pages: %+v (%v), want %+v", pageSize, m, err, want)
		}
		if got := m.AppendPages(nil); !bytes.Equal(got, b[:2*pageSize]) {
			t.Errorf("%d-byte pages: the meta pages are written otherwise", pageSize)
		}
		if m.Size() != int64(len(b)) || !m.HasFreelist() {
			t.Errorf("%d-byte pages: %d bytes, want %d", pageSize, m.Size(), len(b))
		}
	}
}

// A crash leaves one meta page torn, and a transaction writes only one of them.
func TestOneValidMetaPageSuffices(t *testing.T) {
	t.Parallel()
	for _, pageSize := range []int{4 << 10, 64 << 10} {
		db := sample(pageSize)
		older := *db
		older.Root, older.Txid = 2, 6
		for name, c := range map[string]struct {
			edit  func(b []byte)
			older uint64
			both  bool
		}{
			"torn first":   {func(b []byte) { b[20]++ }, 0, false},
			"torn second":  {func(b []byte) { b[pageSize+20]++ }, 0, false},
			"older second": {func(b []byte) { copy(b[pageSize:], older.Bytes()[:80]); SetID(b[pageSize:], 1) }, 6, false},
			"newer second": {func(b []byte) {
				copy(b[pageSize:], b[:80])
				SetID(b[pageSize:], 1)
				copy(b, older.Bytes()[:80])
			}, 6, false},
			"another number": {func(b []byte) { SetID(b[pageSize:], 3) }, 0, false},
			"another kind":   {func(b []byte) { SetKind(b, LeafKind) }, 0, false},
		} {
			b := db.Bytes()
			c.edit(b)
			m, err := bolt.ParseMetas(b[:min(len(b), bolt.HeadSize)])
			if err != nil || m.Root != db.Root || m.PageSize != pageSize || m.Older.Txid != c.older || m.Both != c.both {
				t.Errorf("%d-byte pages, %s: %+v (%v)", pageSize, name, m, err)
			}
		}
		b := db.Bytes()
		b[20]++
		b[pageSize+20]++
		if m, err := bolt.ParseMetas(b[:min(len(b), bolt.HeadSize)]); !errors.Is(err, bolt.ErrCorrupt) {
			t.Errorf("both torn: %+v (%v), want ErrCorrupt", m, err)
		}
	}
}

// A second page of another size is not one of this file.
func TestMetaPagesOfTwoSizes(t *testing.T) {
	b := sample(8 << 10).Bytes()
	copy(b[4<<10:], b[8<<10:][:80]) // where it would be in a file of smaller pages
	b[20]++
	if m, err := bolt.ParseMetas(b); err != nil || m.PageSize != 8<<10 {
		t.Errorf("%+v (%v), want the one that says where it stands", m, err)
	}
	clear(b[8<<10:][:80])
	if m, err := bolt.ParseMetas(b); !errors.Is(err, bolt.ErrCorrupt) {
		t.Errorf("%+v (%v), want ErrCorrupt", m, err)
	}
}

func TestTruncatedMetaPages(t *testing.T) {
	b := sample(4 << 10).Bytes()
	for n := range 80 {
		if _, err := bolt.ParseMetas(b[:n]); !errors.Is(err, bolt.ErrCorrupt) || !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%d bytes: %v, want ErrCorrupt and unexpected EOF", n, err)
		}
	}
}
