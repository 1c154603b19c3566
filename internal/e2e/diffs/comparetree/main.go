// Command comparetree holds a cluster against a tree that was dumped from it, or against manifests in a directory, as an
// embedder of the library would:
//
//	comparetree KUBECONFIG tree|files DIR
//
// It ends with 0 if there is no difference, 1 if there is one, 2 after an error. It is what benchmarks hold against kubectl
// diff.
package main

import (
	"context"
	"fmt"
	"os"

	"k8s.io/client-go/tools/clientcmd"

	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/diff"
	"github.com/clustersnap/clustersnap/manifests/tree"
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: comparetree KUBECONFIG tree|files DIR")
		os.Exit(2)
	}
	summary, err := compare(context.Background(), os.Args[1], os.Args[2], os.Args[3])
	if err != nil {
		fmt.Fprintln(os.Stderr, "comparetree:", err)
	}
	os.Exit(diff.ExitCode(summary, err))
}

func compare(ctx context.Context, kubeconfig, what, dir string) (*diff.Summary, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, err
	}
	config.DisableCompression = true // the API server is on this machine
	cluster, err := manifests.NewCluster(config)
	if err != nil {
		return nil, err
	}
	side, opts, err := open(ctx, cluster, what, dir)
	if err != nil {
		return nil, err
	}
	each := func(c *diff.Change) error { return diff.Unified(os.Stdout, c) }
	return diff.Compare(ctx, side, diff.Live(cluster, manifests.Options{}), each, opts)
}

// open gives the side that is not the cluster. Of the cluster, what is not in the files is left out, as kubectl diff does.
func open(ctx context.Context, cluster *manifests.Cluster, what, dir string) (diff.Side, diff.Options, error) {
	if what == "tree" {
		side, err := tree.Read(os.DirFS(dir))
		return side, diff.Options{}, err
	}
	lookup := func(apiVersion, kind string) (manifests.Resource, error) {
		return cluster.Lookup(ctx, apiVersion, kind)
	}
	side, err := diff.Files(ctx, os.DirFS(dir), lookup, diff.FileOptions{Server: cluster})
	opts := diff.Options{Ignore: []diff.Rule{{Namespace: "kube-*"}, {Namespace: "default"}}}
	return side, opts, err
}
