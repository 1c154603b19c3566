package handover

import (
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
)

// What a file takes in memory is bounded, whatever is in it.
func TestMemory(t *testing.T) {
	const least = `{"driver":"a","handle":"b"}`
	var labels strings.Builder
	for i := range maxLabels {
		fmt.Fprintf(&labels, `,"%c%c":""`, 'a'+i/40, '0'+i%40)
	}
	crowded := `{"driver":"a","handle":"b","labels":{` + labels.String()[1:] + `}}`
	for name, file := range map[string]struct {
		records string
		good    bool
		// Bytes: that are kept if it is good, or else of all that was ever allocated. Without bounds it was 10 GiB, and the race
		// detector has its part in it.
		most uint64
	}{
		"many records":     {strings.Repeat(least+",", maxFile/len(least)-10) + least, false, 192 << 20},
		"many labels":      {strings.Repeat(crowded+",", maxFile/len(crowded)-10) + crowded, true, 256 << 20},
		"many braces":      {strings.Repeat("[", maxFile-100), false, 192 << 20},
		"braces of labels": {`{"driver":"a","handle":"b","labels":{"a":` + strings.Repeat("[", maxFile-200), false, 192 << 20},
	} {
		text := `{"format":"` + format + `","version":1,"records":[` + file.records + "]}"
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		records, err := Read(strings.NewReader(text))
		runtime.GC()
		runtime.ReadMemStats(&after)
		taken := after.TotalAlloc - before.TotalAlloc
		if file.good {
			taken = after.HeapAlloc - min(before.HeapAlloc, after.HeapAlloc)
		}
		if (err == nil) != file.good || taken > file.most {
			t.Errorf("%s: %d records and %.200v, with %d MiB, want at most %d", name, len(records), err, taken>>20, file.most>>20)
		}
		runtime.KeepAlive(records)
		runtime.KeepAlive(text)
	}
}

// Nothing is written that can't be read again.
func TestMostRecords(t *testing.T) {
	records := make([]Record, maxRecords+1)
	for i := range records {
		records[i] = Record{Driver: "d", Handle: "h"}
	}
	if err := Write(io.Discard, records); err == nil || !strings.Contains(err.Error(), "several files") {
		t.Errorf("one too many: %v", err)
	}
	got, err := Read(strings.NewReader(written(t, records[1:]...)))
	if err != nil || len(got) != maxRecords {
		t.Errorf("as many as there may be: %d, %v", len(got), err)
	}
	for i := range records {
		records[i].Volume = strings.Repeat("v", 2*maxFile/maxRecords)
	}
	if err := Write(io.Discard, records[1:]); err == nil || !strings.Contains(err.Error(), "several files") {
		t.Errorf("too long: %v", err)
	}
}
