// Command restoresnap restores a snapshot file as an embedder of the library would:
//
//	restoresnap [-aside] [-kill N] FILE NAME=PEERURL=DATADIR[=WALDIR]...
//
// It prints each step on standard error before it is made, and kills itself before step N, counted from 1. Else it prints the
// result as JSON, and then how much memory it had at most, in KiB.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"syscall"

	"github.com/clustersnap/clustersnap/etcdsnap/restore"
	"github.com/clustersnap/clustersnap/internal/e2e/highwater"
)

func main() {
	aside := flag.Bool("aside", false, "move old members aside")
	kill := flag.Int("kill", 0, "the `step` before which to die")
	flag.Parse()
	members, err := parse(flag.Args())
	if err != nil {
		fmt.Fprintln(os.Stderr, "restoresnap:", err)
		os.Exit(2)
	}
	n := 0
	opts := restore.Options{MoveAside: *aside, Step: func(what string) {
		fmt.Fprintln(os.Stderr, what)
		if n++; n == *kill {
			syscall.Kill(os.Getpid(), syscall.SIGKILL)
		}
	}}
	if err := run(flag.Arg(0), members, opts); err != nil {
		fmt.Fprintln(os.Stderr, "restoresnap:", err)
		os.Exit(1)
	}
}

func parse(args []string) (members []restore.Member, err error) {
	if len(args) < 2 {
		return nil, errors.New("usage: restoresnap FILE NAME=PEERURL=DATADIR[=WALDIR] and more of these")
	}
	for _, arg := range args[1:] {
		parts := strings.Split(arg, "=")
		if len(parts) != 3 && len(parts) != 4 {
			return nil, fmt.Errorf("%q is not NAME=PEERURL=DATADIR[=WALDIR]", arg)
		}
		m := restore.Member{Name: parts[0], PeerURLs: []string{parts[1]}, DataDir: parts[2]}
		if len(parts) == 4 {
			m.WALDir = parts[3]
		}
		members = append(members, m)
	}
	return members, nil
}

func run(path string, members []restore.Member, opts restore.Options) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	result, err := restore.Restore(context.Background(), f, members, 0, opts)
	if err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(result); err != nil {
		return err
	}
	return highwater.Print()
}
