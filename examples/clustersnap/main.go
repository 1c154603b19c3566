// Command clustersnap backs up a kubeadm control-plane node into one encrypted file, verifies such
// files, restores etcd from them, and keeps the objects of a cluster as files. It is an example of the library
// github.com/clustersnap/clustersnap: copy what you need.
package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

func main() { os.Exit(run(os.Args[1:])) }

// usageError is a command line that can't be carried out: exit code 2.
type usageError struct{ error }

func (u usageError) Unwrap() error { return u.error }

// run returns the exit code: 0 good, 1 not good, 2 usage.
func run(args []string) int {
	signal.Ignore(syscall.SIGPIPE) // a backup goes on when nobody reads its report any more
	ends := []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP}
	ends = slices.DeleteFunc(ends, signal.Ignored) // as nohup wants it
	ctx, stop := signal.NotifyContext(context.Background(), ends...)
	context.AfterFunc(ctx, stop) // a second signal ends at once
	defer stop()
	started := false
	root := &cobra.Command{
		Use:   "clustersnap",
		Short: "Back up and restore Kubernetes control planes, and prove it",
		Long: `clustersnap backs up a kubeadm control-plane node into one encrypted file,
verifies such files, restores etcd from them, and keeps the objects of a
cluster as files. Begin with "clustersnap demo": it needs no cluster.

Exit codes: 0 good, 1 not good, 2 the command line is wrong.`,
		SilenceErrors:    true,
		SilenceUsage:     true,
		PersistentPreRun: func(*cobra.Command, []string) { started = true },
	}
	root.AddCommand(backupCommand(), verifyCommand(), etcdCommand(), manifestsCommand(), demoCommand(),
		lsCommand(), getCommand(), historyCommand(), exportCommand(), proveCommand(), recoverCommand(), volumesCommand(),
		restoreCommand(), listCommand(), pruneCommand(), discoverCommand(), cronjobCommand(), pkiCommand())
	complete(root)
	fitUsage(root)
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return 0
	}
	advice := adviceOn(cmd, err)
	// Before a command has started, only its command line can be at fault.
	if usage := (usageError{}); !started || advice.usage || errors.As(err, &usage) {
		text := strings.Join(strings.Fields(err.Error()), " ") // cobra's suggestions take lines
		fmt.Fprintf(os.Stderr, "clustersnap: %s\nTry %q.\n", printable(advice.to(text)), cmd.CommandPath()+" --help")
		return 2
	}
	if readerGone(err) { // as of "ls | head": whoever read has seen enough
		return 1
	}
	code := 1
	if found := (differs{}); errors.As(err, &found) {
		code = found.code
	}
	for line := range strings.Lines(err.Error()) { // joined errors are one sentence a line
		fmt.Fprintf(os.Stderr, "clustersnap: %s\n", oneLine(advice.to(strings.TrimSuffix(line, "\n"))))
	}
	return code
}

// readerGone reports whether nobody reads standard output any more. A server that has gone away is EPIPE, too, and is to be
// told.
func readerGone(err error) bool {
	file := (*fs.PathError)(nil)
	return errors.As(err, &file) && file.Path == os.Stdout.Name() && errors.Is(file.Err, syscall.EPIPE)
}

// group is a command of which the subcommands do the work.
func group(name, short string, commands ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: name, Short: short, Args: cobra.NoArgs, RunE: func(*cobra.Command, []string) error {
		var names []string
		for _, c := range commands {
			names = append(names, c.Name())
		}
		return usageError{fmt.Errorf("%s: give a subcommand: %s", name, strings.Join(names, ", "))}
	}}
	cmd.AddCommand(commands...)
	return cmd
}
