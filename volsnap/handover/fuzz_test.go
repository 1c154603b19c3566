package handover

import (
	"reflect"
	"strings"
	"testing"
)

// FuzzRead: what is read can be written and read again, and is the same.
func FuzzRead(f *testing.F) {
	good := written(f, full(), Record{Driver: "d", Handle: "h"})
	seeds := []string{good, written(f), good[:len(good)/2], good + good, strings.ReplaceAll(good, `": "`, `": 1`)}
	if len(good) == 0 {
		f.Fatal("seed corpus is empty")
	}
	for at := 0; at < len(good); at += 31 {
		seeds = append(seeds, good[:at]+string(good[at]^0x41)+good[at+1:])
	}
	for _, seed := range seeds {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		records, err := Read(strings.NewReader(text))
		if err != nil {
			return
		}
		again, err := Read(strings.NewReader(written(t, records...)))
		if err != nil || len(again) != len(records) {
			t.Fatalf("read %+v, then %+v, %v", records, again, err)
		}
		for i := range records {
			if !records[i].Cut.Equal(again[i].Cut) {
				t.Fatalf("cut at %v, then at %v", records[i].Cut, again[i].Cut)
			}
			records[i].Cut, again[i].Cut = full().Cut, full().Cut
			for _, r := range []*Record{&records[i], &again[i]} { // an empty list is left out
				if len(r.Labels) == 0 {
					r.Labels = nil
				}
				if len(r.AccessModes) == 0 {
					r.AccessModes = nil
				}
			}
			if !reflect.DeepEqual(records[i], again[i]) {
				t.Fatalf("read %+v, then %+v", records[i], again[i])
			}
		}
	})
}
