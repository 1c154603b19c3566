package main

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/clustersnap/clustersnap/volsnap"
)

func volumesCommand() *cobra.Command {
	return group("volumes", "Snapshots of volumes: take, wait, restore, export, prune",
		volumesTakeCommand(), volumesListCommand(), volumesWaitCommand(), volumesPruneCommand(), volumesRestoreCommand(),
		volumesExportCommand(), volumesImportCommand())
}

// volumeFlags are those of all commands about volumes.
type volumeFlags struct {
	kubeconfig string
	namespaces []string
	timeout    time.Duration
	limited    bool // there is a timeout
	as         output
}

func (v *volumeFlags) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&v.kubeconfig, "kubeconfig", "", "a `FILE`; if not given, as kubectl")
	v.as.flag(cmd)
}

func (v *volumeFlags) places(cmd *cobra.Command) {
	cmd.Flags().StringArrayVarP(&v.namespaces, "namespace", "n", nil, "only this `NAMESPACE` (repeatable)")
}

// deadline is for commands that wait for controllers.
func (v *volumeFlags) deadline(cmd *cobra.Command) {
	v.limited = true
	cmd.Flags().DurationVar(&v.timeout, "timeout", 30*time.Minute, "how `LONG` all of it may take")
}

func (v *volumeFlags) cluster() (*volsnap.Cluster, error) {
	if v.limited && v.timeout <= 0 {
		return nil, usageError{errors.New("--timeout must be more than 0")}
	}
	config, err := restConfig(v.kubeconfig)
	if err != nil {
		return nil, err
	}
	return volsnap.NewCluster(config)
}

// snapshotName reads NAMESPACE/NAME.
func snapshotName(arg string) (namespace, name string, err error) {
	namespace, name, ok := strings.Cut(arg, "/")
	if !ok || namespace == "" || name == "" || strings.Contains(name, "/") {
		return "", "", usageError{fmt.Errorf("%.100q is not NAMESPACE/NAME", arg)}
	}
	return namespace, name, nil
}

// printSnapshots prints a table.
func printSnapshots(out io.Writer, snapshots []volsnap.Snapshot) error {
	b := bufio.NewWriter(out)
	table := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "NAMESPACE\tNAME\tCLAIM\tRUN\tCUT\tSTATE")
	for _, s := range snapshots {
		cut := "-"
		if !s.Cut.IsZero() {
			cut = s.Cut.UTC().Format(time.RFC3339)
		}
		cells := []string{s.Namespace, s.Name, cmp.Or(s.Claim, "-"), cmp.Or(s.Run, "-"), cut, stateOf(s)}
		for i, c := range cells {
			cells[i] = oneLine(c)
		}
		fmt.Fprintln(table, strings.Join(cells, "\t"))
	}
	return errors.Join(table.Flush(), b.Flush())
}

// stateOf says in words what can be done with a snapshot.
func stateOf(s volsnap.Snapshot) string {
	words := []string{}
	add := func(is bool, word string) {
		if is {
			words = append(words, word)
		}
	}
	add(s.Ready, "ready")
	add(!s.Ready && s.Handle != "", "cut")
	add(!s.Ready && s.Handle == "", "not cut")
	add(s.Pinned && !s.Imported, "pinned")
	add(s.Imported, "imported")
	add(s.Unverified, "unverified")
	add(s.Group != "", "group")
	add(s.Deleting, "deleting")
	return strings.Join(words, ",")
}

// fileOrStdin opens a file to read, - being standard input.
func fileOrStdin(name string) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(os.Stdin), nil
	}
	return os.Open(name)
}
