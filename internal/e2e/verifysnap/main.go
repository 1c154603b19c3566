// Command verifysnap verifies a snapshot file as an embedder of the library would:
//
//	verifysnap FILE
//
// It is what benchmarks hold against etcdutl snapshot status, and prints what that does, and how much memory it had at
// most, in KiB.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/clustersnap/clustersnap/etcdsnap"
	"github.com/clustersnap/clustersnap/internal/e2e/highwater"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: verifysnap FILE")
		os.Exit(2)
	}
	err := verify(os.Args[1])
	if err == nil {
		err = highwater.Print()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "verifysnap:", err)
		os.Exit(1)
	}
}

func verify(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := etcdsnap.Verify(context.Background(), f, etcdsnap.VerifyOptions{})
	if err == nil {
		fmt.Printf("%08x %d %d\n", info.Content.Hash, info.Content.Revision, info.Content.Keyspace.Keys)
	}
	return err
}
