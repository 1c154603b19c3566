package main

import (
	"cmp"
	"fmt"
	"io"
	"path"
	"strings"
	"text/tabwriter"

	"github.com/clustersnap/clustersnap/kubeadm"
)

// setting is a line of the table.
type setting struct {
	name string
	kubeadm.Setting
}

// settings are those of a node that it declares, in the blocks of the table and their order.
func settings(node *kubeadm.Node, chosen kubeadm.Chosen) [][]setting {
	var blocks [4][]setting
	at := 0
	add := func(name string, values ...kubeadm.Setting) {
		for _, v := range values {
			if v != (kubeadm.Setting{}) {
				blocks[at] = append(blocks[at], setting{name, v})
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
	at++
	add("CA", chosen.CA)
	add("certificate", chosen.Cert)
	add("key", chosen.Key)
	api := cmp.Or(node.APIServer, &kubeadm.APIServer{})
	at++
	add("API's etcd", api.EtcdServers...)
	add("prefix", api.EtcdPrefix)
	add("other etcd", api.EtcdOverrides...)
	add("encryption", api.EncryptionConfig)
	at++
	add("etcd image", e.Image)
	add("API image", api.Image)
	return blocks[:]
}

func printSettings(out io.Writer, node *kubeadm.Node, chosen kubeadm.Chosen) error {
	what := cmp.Or(node.Distribution, "unknown")
	if node.Etcd.External {
		what += ", etcd is elsewhere"
	}
	fmt.Fprintf(out, "%s: %s, %s, %s to back up beside etcd\n", oneLine(what), count(len(node.Manifests), "manifest"),
		count(len(node.Programs), "program"), count(len(node.Files), "path"))
	for _, block := range settings(node, chosen) {
		if err := printBlock(out, block); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintln(out)
	return err
}

// printBlock writes settings in columns of their own: where one is too long for a terminal beside where it comes from, that
// stands below.
func printBlock(out io.Writer, block []setting) error {
	const terminal = 80
	names, values, sources := 0, 0, 0
	for _, s := range block {
		names, values, sources = max(names, len(s.name)), max(values, len(s.Value)), max(sources, len(s.from()))
	}
	between := "\t"
	if names+2+values+2+sources > terminal {
		between = "\n\t"
	}
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t)
	for _, s := range block {
		value := strings.ReplaceAll(oneLine(s.Value), ",", ",\n\t") // as the members of a cluster
		fmt.Fprintf(t, "%s\t%s%s%s\n", s.name, value, between, oneLine(s.from()))
	}
	return t.Flush()
}

// from says where a setting comes from.
func (s setting) from() string {
	from := strings.TrimSuffix(path.Base(s.Source.File), ".yaml") + " " + s.Source.Key
	if s.Source.Rule != "" {
		from += " (" + s.Source.Rule + ")"
	}
	return from
}
