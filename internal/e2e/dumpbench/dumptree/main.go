// Command dumptree dumps a cluster into a tree in an empty directory, as an embedder of the library would:
//
//	dumptree KUBECONFIG DIR
//
// It is what benchmarks hold against kubectl get -o yaml.
package main

import (
	"context"
	"fmt"
	"os"

	"k8s.io/client-go/tools/clientcmd"

	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/tree"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: dumptree KUBECONFIG DIR")
		os.Exit(2)
	}
	if err := dump(context.Background(), os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "dumptree:", err)
		os.Exit(1)
	}
}

func dump(ctx context.Context, kubeconfig, dir string) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	config.DisableCompression = true // the API server is on this machine
	cluster, err := manifests.NewCluster(config)
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	to, err := tree.Open(root, tree.Options{Secrets: tree.Include})
	if err != nil {
		return err
	}
	report, err := cluster.Dump(ctx, to, manifests.Options{})
	if err != nil {
		return err
	}
	if !report.Complete() {
		return fmt.Errorf("the dump is incomplete: %v", report.Missing())
	}
	_, err = to.Commit(report)
	return err
}
