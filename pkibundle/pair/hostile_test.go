package pair

import (
	"bytes"
	"fmt"
	"runtime"
	"testing"
)

// TestLongKeys has keys of 1 MiB, each of a resource of its own: no more is kept of them than results say.
func TestLongKeys(t *testing.T) {
	w := newWorld(t)
	var before, after runtime.MemStats
	pad := bytes.Repeat([]byte("x"), 1<<20)
	runtime.GC()
	runtime.ReadMemStats(&before)
	results := With(&w.bundle, func(yield func(key, value []byte) bool) {
		for i := range 200 {
			for _, begin := range []string{"/registry/r%d/", "/registry/example.com/r%d/", "/registry/secrets/default/s%d", "/registry/r%d"} {
				if !yield(append(fmt.Appendf(nil, begin, i), pad...), []byte("k8s:enc:secretbox:v1:key1:x")) {
					return
				}
			}
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
	})
	if len(results) < 400 {
		t.Errorf("%d results", len(results))
	}
	if kept := int64(after.HeapAlloc) - int64(before.HeapAlloc); kept > 900<<10 {
		t.Errorf("%d KiB are kept", kept>>10)
	}
}
