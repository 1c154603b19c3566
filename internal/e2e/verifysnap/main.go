// Command verifysnap verifies a snapshot file as an embedder of the library would:
//
//	verifysnap FILE [tree]
//
// With the word tree it walks the tree alone, as etcdutl does, and leaves the digest out.
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
	if len(os.Args) != 2 && (len(os.Args) != 3 || os.Args[2] != "tree") {
		fmt.Fprintln(os.Stderr, "usage: verifysnap FILE [tree]")
		os.Exit(2)
	}
	err := verify(os.Args[1], len(os.Args) == 3)
	if err == nil {
		err = highwater.Print()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "verifysnap:", err)
		os.Exit(1)
	}
}

func verify(name string, tree bool) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	check := withDigest
	if tree {
		check = treeAlone
	}
	content, err := check(f)
	if err == nil {
		fmt.Printf("%08x %d %d\n", content.Hash, content.Revision, content.Keyspace.Keys)
	}
	return err
}

func withDigest(f *os.File) (*etcdsnap.Content, error) {
	info, err := etcdsnap.Verify(context.Background(), f, etcdsnap.VerifyOptions{})
	return info.Content, err
}

func treeAlone(f *os.File) (*etcdsnap.Content, error) {
	stat, err := f.Stat()
	if err != nil {
		return nil, err
	}
	s, err := etcdsnap.Open(f, stat.Size())
	if err != nil {
		return nil, err
	}
	return s.Content(context.Background(), "")
}
