package etcdsnap

import (
	"hash/crc32"
	"math/rand/v2"
	"testing"
)

func TestCRCOfParts(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, 100_000)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	for range 1000 {
		cut := r.IntN(len(b) + 1)
		end := cut + r.IntN(len(b)+1-cut)
		if got, want := crc(0).add(b[:cut]).join(crc(0).add(b[cut:end]), uint64(end-cut)), crc32.Checksum(b[:end], castagnoli); uint32(got) != want {
			t.Fatalf("%d and %d bytes: %x, want %x", cut, end-cut, got, want)
		}
	}
}
