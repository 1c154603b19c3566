package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"text/tabwriter"
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
	say.line("good", fmt.Sprintf("next: clustersnap backup --root %s --to FILE --recipients-file FILE", shellWord(root)))
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

// setting is a line of the table.
type setting struct {
	name string
	kubeadm.Setting
}

// settings are those of a node that it declares, in the order of the table, with a zero one between its blocks.
func settings(node *kubeadm.Node, chosen kubeadm.Chosen) (list []setting) {
	add := func(name string, values ...kubeadm.Setting) {
		for _, v := range values {
			if v != (kubeadm.Setting{}) {
				list = append(list, setting{name, v})
			}
		}
	}
	e := &node.Etcd
	add("member", e.Name)
	add("peer URL", e.PeerURLs...)
	add("cluster", e.InitialCluster)
	add("data", e.DataDir)
	add("log", e.WALDir)
	add("endpoint", e.Endpoints...)
	add("client URL", e.ClientURLs...)
	add("quota", e.Quota)
	add("version", e.Version)
	list = append(list, setting{})
	add("CA", chosen.CA)
	add("certificate", chosen.Cert)
	add("key", chosen.Key)
	api := cmp.Or(node.APIServer, &kubeadm.APIServer{})
	list = append(list, setting{})
	add("API's etcd", api.EtcdServers...)
	add("prefix", api.EtcdPrefix)
	add("other etcd", api.EtcdOverrides...)
	add("encryption", api.EncryptionConfig)
	list = append(list, setting{})
	add("etcd image", e.Image)
	add("API image", api.Image)
	return list
}

func printSettings(out io.Writer, node *kubeadm.Node, chosen kubeadm.Chosen) error {
	what := cmp.Or(node.Distribution, "unknown")
	if node.Etcd.External {
		what += ", etcd is elsewhere"
	}
	fmt.Fprintf(out, "%s: %s, %s, %s to back up beside etcd\n\n", oneLine(what), count(len(node.Manifests), "manifest"),
		count(len(node.Programs), "program"), count(len(node.Files), "path"))
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, s := range settings(node, chosen) {
		if s == (setting{}) { // an empty line, after which the columns begin anew
			fmt.Fprintln(t)
			continue
		}
		from := strings.TrimSuffix(path.Base(s.Source.File), ".yaml") + " " + s.Source.Key
		if s.Source.Rule != "" && len(s.Value) < 40 { // beside a long value there is no room for it
			from += " (" + s.Source.Rule + ")"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\n", s.name, oneLine(s.Value), oneLine(from))
	}
	fmt.Fprintln(t)
	return t.Flush()
}
