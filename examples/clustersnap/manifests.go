package main

import (
	"fmt"

	"github.com/spf13/cobra"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

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

// restConfig reads a kubeconfig, or kubectl's where none is named.
func restConfig(kubeconfig string) (*rest.Config, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = kubeconfig
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, nil).ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("read kubeconfig: %w", err)
	}
	config.UserAgent = "clustersnap"
	return config, nil
}

// selection is what of a cluster, or of a source, a command looks at.
type selection struct {
	kubeconfig, selector string
	namespaces, classes  []string
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
	f.StringArrayVar(&s.classes, "class", nil, "only this `CLASS`, such as user (repeatable)")
}

func (s *selection) options() manifests.Options {
	opts := manifests.Options{Namespaces: s.namespaces, LabelSelector: s.selector}
	for _, class := range s.classes {
		opts.Classes = append(opts.Classes, manifests.Class(class))
	}
	if s.faithful {
		opts.Level = manifests.Faithful
	}
	return opts
}
