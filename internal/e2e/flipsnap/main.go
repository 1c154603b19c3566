// Command flipsnap verifies a snapshot file with one byte of it changed, for each byte in turn:
//
//	flipsnap FILE
//
// It fails at the first change that is not found, and says how many there were. The test that calls it runs under the
// race detector, with which these would take minutes.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"

	"github.com/clustersnap/clustersnap/etcdsnap"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: flipsnap FILE")
		os.Exit(2)
	}
	n, err := flip(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, "flipsnap:", err)
		os.Exit(1)
	}
	fmt.Println(n)
}

func flip(name string) (int, error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return 0, err
	}
	r := rand.New(rand.NewPCG(1, uint64(len(b))))
	for i := range b {
		was := b[i]
		b[i] ^= 1 << r.IntN(8)
		_, err := etcdsnap.Verify(context.Background(), bytes.NewReader(b), etcdsnap.VerifyOptions{})
		if !errors.Is(err, etcdsnap.ErrCorrupt) {
			return i, fmt.Errorf("byte %d of %d flipped: %v", i, len(b), err)
		}
		b[i] = was
	}
	return len(b), nil
}
