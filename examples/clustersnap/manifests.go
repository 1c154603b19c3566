package main

import (
	"github.com/spf13/cobra"

	"github.com/clustersnap/clustersnap/manifests"
)

func manifestsCommand() *cobra.Command {
	return group("manifests", "Keep the objects of a cluster as files, and find what differs",
		manifestsDumpCommand(), manifestsDiffCommand())
}

// connect takes the cluster of a kubeconfig, or of kubectl's where none is named.
func connect(kubeconfig string) (*manifests.Cluster, error) {
	config, err := restConfig(kubeconfig)
	if err != nil {
		return nil, err
	}
	return manifests.NewCluster(config)
}

// selection is what of a cluster, or of a source, a command looks at.
type selection struct {
	kubeconfig, selector string
	namespaces           []string
	classes              classList
	faithful             bool
}

func (s *selection) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&s.kubeconfig, "kubeconfig", "", "a `FILE`; if not given, as kubectl")
	f.BoolVar(&s.faithful, "faithful", false, "keep what binds an object to its cluster")
	s.choices(cmd)
}

// choices are the flags that select objects, wherever they are.
func (s *selection) choices(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVarP(&s.namespaces, "namespace", "n", nil, "only this `NAMESPACE` (repeatable)")
	f.StringVarP(&s.selector, "selector", "l", "", "only objects with these `LABELS`")
	f.Var(&s.classes, "class", "only this `CLASS`, such as user (repeatable)")
}

func (s *selection) options() manifests.Options {
	opts := manifests.Options{Namespaces: s.namespaces, LabelSelector: s.selector, Classes: s.classes}
	if s.faithful {
		opts.Level = manifests.Faithful
	}
	return opts
}
