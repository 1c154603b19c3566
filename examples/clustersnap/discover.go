package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/spf13/cobra"

	"github.com/clustersnap/clustersnap/kubeadm"
)

func discoverCommand() *cobra.Command {
	var root string
	var as output
	cmd := &cobra.Command{
		Use:   "discover",
		Short: "Say what a backup of this node would go by",
		Long: `Say what a backup of this node would go by, and where each value comes from.

The static pod manifests are read, and the credential for etcd is held against
its files as a backup does. Nothing is written, and neither etcd nor the API
server is asked: it works when both are down. The table names manifests by
their first names; -o json or yaml gives all of it.

The exit code is 1 if no credential for etcd is of use.`,
		Example: `  clustersnap discover
  clustersnap discover --root /host -o yaml`,
		Args: asUsed,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := discover(cmd.OutOrStdout(), root, as, time.Now()); err != nil {
				return fmt.Errorf("discover: %w", err)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&root, "root", "/", "where the node's root is, a `DIR`")
	as.flag(cmd)
	return cmd
}

func discover(out io.Writer, root string, as output, now time.Time) error {
	nodeFS := kubeadm.NodeFS(root)
	node, err := kubeadm.Read(nodeFS, kubeadm.Options{})
	if err != nil {
		return err
	}
	_, chosen, unusable := node.Etcd.ClientTLS(nodeFS, now)
	if as.machine() {
		if err := as.value(out, node); err != nil {
			return err
		}
		return useless(unusable)
	}
	if err := printSettings(out, node, chosen); err != nil {
		return err
	}
	say := steps{out}
	for _, reason := range chosen.PassedOver {
		say.line("note", "passed over: "+reason)
	}
	for _, warning := range node.Warnings {
		say.line("note", warning)
	}
	if unusable != nil {
		return useless(unusable)
	}
	say.copied("good", fmt.Sprintf("next: clustersnap backup --root %s --to FILE --recipients-file FILE", shellWord(root)))
	return nil
}

// useless says as one sentence that no credential is of use: the reasons come a line each.
func useless(err error) error {
	if err == nil {
		return nil
	}
	next := "put these files right"
	switch {
	case errors.Is(err, fs.ErrPermission):
		next = "look as root"
	case errors.Is(err, kubeadm.ErrExpired):
		next = "renew them: kubeadm certs renew"
	}
	return fmt.Errorf("a backup would find no credential for etcd: %s: %s", oneLine(err.Error()), next)
}
