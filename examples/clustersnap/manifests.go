package main

import (
	"fmt"

	"github.com/spf13/cobra"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/clustersnap/clustersnap/manifests"
)

func manifestsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "manifests",
		Short: "Keep the objects of a cluster as files, and find what differs",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return usageError{fmt.Errorf("manifests: give a subcommand")}
		},
	}
	cmd.AddCommand(manifestsDumpCommand(), manifestsDiffCommand())
	return cmd
}

// connect takes the cluster of a kubeconfig, or of kubectl's where none is named.
func connect(kubeconfig string) (*manifests.Cluster, error) {
	config, err := clientConfig(kubeconfig).ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("read kubeconfig: %w", err)
	}
	config.UserAgent = "clustersnap"
	return manifests.NewCluster(config)
}

func clientConfig(kubeconfig string) clientcmd.ClientConfig {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = kubeconfig
	return clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, nil)
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

// missing shows what a dump should have listed and could not; without any it is good.
func missing(out steps, report *manifests.Report) error {
	lost := report.Missing()
	if len(lost) == 0 {
		return nil
	}
	for _, o := range lost {
		out.line("missing", o.String())
	}
	return fmt.Errorf("%s could not be listed: the dump is not complete", count(len(lost), "kind"))
}
