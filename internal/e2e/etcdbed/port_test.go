package etcdbed

import "testing"

// With chance alone, a thousand ports of ten thousand would have some fifty twice.
func TestNoPortIsGivenTwice(t *testing.T) {
	given := map[int]bool{}
	for range 1000 {
		port := freePort(t)
		if given[port] {
			t.Fatalf("port %d is given twice", port)
		}
		given[port] = true
	}
}
