package tree

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"reflect"
	"testing"

	"github.com/clustersnap/clustersnap/manifests"
)

// records gives those of a dump of n objects, sorted by key.
func records(n int) []*record {
	list := make([]*record, n)
	for i := range list {
		list[i] = &record{
			Key:     manifests.Key{Group: "apps", Resource: "deployments", Namespace: "shop", Name: fmt.Sprintf("web-%06d", i)},
			version: "v1", kind: "Deployment", class: manifests.User, size: int64(i), sum: [32]byte{byte(i), byte(i >> 8)},
			uid: fmt.Sprintf("uid-\"%d", i), resourceVersion: fmt.Sprint(i), modified: int64(i), intact: true, staged: i%3 == 0,
		}
	}
	return list
}

// The records of a dump come back sorted and complete, as often as one reads them, be they in memory or on disk.
func TestRuns(t *testing.T) {
	for _, n := range []int{0, 1, runLength - 1, runLength, runLength + 1, 3*runLength + 7} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			stage, err := os.OpenRoot(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			defer stage.Close()
			want, rs := records(n), &runs{}
			for _, i := range rand.New(rand.NewPCG(1, 2)).Perm(n) {
				if rs.add(want[i]); rs.full() {
					if err := rs.spill(stage); err != nil {
						t.Fatal(err)
					}
				}
			}
			for range 2 {
				in, err := rs.sorted()
				if err != nil {
					t.Fatal(err)
				}
				for i := 0; ; i++ {
					got, err := in.next()
					if err != nil || i < n && !reflect.DeepEqual(got, want[i]) || i >= n && got != nil {
						t.Fatalf("record %d is %+v, %v", i, got, err)
					}
					if got == nil {
						break
					}
				}
			}
			if err := rs.close(stage); err != nil {
				t.Fatal(err)
			}
			if left, err := os.ReadDir(stage.Name()); err != nil || len(left) > 0 {
				t.Errorf("the stage has %v, %v", left, err)
			}
		})
	}
}

// What has become of the file meanwhile is an error, be it shorter or of other bytes.
func TestRunsDamaged(t *testing.T) {
	for name, damage := range map[string]func(f *os.File) error{
		"short": func(f *os.File) error { return f.Truncate(1 << 20) },
		"other": func(f *os.File) error {
			_, err := f.WriteAt(bytes.Repeat([]byte("x"), 4<<10), 1<<20)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			stage, err := os.OpenRoot(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			defer stage.Close()
			rs := &runs{last: records(runLength)}
			if err := errors.Join(rs.spill(stage), damage(rs.file)); err != nil {
				t.Fatal(err)
			}
			defer rs.close(stage)
			in, err := rs.sorted()
			for one := (*record)(nil); err == nil; {
				if one, err = in.next(); one == nil && err == nil {
					t.Fatal("it is read to its end")
				}
			}
			if !errors.Is(err, ErrCorrupt) {
				t.Errorf("%v, want ErrCorrupt", err)
			}
		})
	}
}

// No bytes make the reader of a run panic, and what ends too early is an error.
func FuzzRun(f *testing.F) {
	one := records(4)[3]
	seed := append(one.appendRun(nil), '\n')
	seed = append(one.row().append(seed), '\n')
	read := func(b []byte) ([]*record, error) {
		in := &runReader{l: newLines(bytes.NewReader(b)), left: 2, known: words{}}
		var list []*record
		for {
			err := in.advance()
			if err != nil || in.head == nil {
				return list, err
			}
			list = append(list, in.head)
		}
	}
	if list, err := read(append(seed, seed...)); err != nil || len(list) != 2 || !reflect.DeepEqual(list[0], one) {
		f.Fatalf("the seed is read as %+v, %v", list, err)
	}
	f.Add(append(seed, seed...))
	f.Add(seed)
	f.Fuzz(func(t *testing.T, b []byte) {
		list, err := read(b)
		if err != nil && !errors.Is(err, ErrCorrupt) {
			t.Errorf("%v, want ErrCorrupt", err)
		}
		if err == nil && len(list) != 2 || len(list) < 2 && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, ErrCorrupt) {
			t.Errorf("%d records and %v", len(list), err)
		}
	})
}
