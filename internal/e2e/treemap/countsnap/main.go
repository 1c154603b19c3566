// Command countsnap counts what fills an etcd, as an embedder of the library would:
//
//	countsnap FILE
//
// It prints how many keys there are, and how much memory it had at most, in KiB.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/clustersnap/clustersnap/etcdsnap"
	"github.com/clustersnap/clustersnap/internal/e2e/highwater"
	"github.com/clustersnap/clustersnap/manifests/storage/usage"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: countsnap FILE")
		os.Exit(2)
	}
	err := count(os.Args[1])
	if err == nil {
		err = highwater.Print()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "countsnap:", err)
		os.Exit(1)
	}
}

func count(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	snap, err := etcdsnap.Open(f, info.Size())
	if err != nil {
		return err
	}
	report, err := usage.Count(snap.Events(context.Background(), "", 0), usage.Options{Objects: 200})
	if err == nil {
		fmt.Println(report.Total.Keys)
	}
	return err
}
