// Command dumpcluster dumps a cluster as an embedder of the library would, and keeps nothing of it:
//
//	dumpcluster KUBECONFIG ADDRESS LISTS
//
// ADDRESS, host:port, leads to the API server of the kubeconfig. It prints how many objects and bytes there were, and
// how much memory it had at most, in KiB.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"

	"k8s.io/client-go/tools/clientcmd"

	"github.com/clustersnap/clustersnap/internal/e2e/highwater"
	"github.com/clustersnap/clustersnap/manifests"
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: dumpcluster KUBECONFIG ADDRESS LISTS")
		os.Exit(2)
	}
	err := dump(context.Background(), os.Args[1], os.Args[2], os.Args[3])
	if err == nil {
		err = highwater.Print()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "dumpcluster:", err)
		os.Exit(1)
	}
}

func dump(ctx context.Context, kubeconfig, address, lists string) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	config.Host, config.ServerName = "https://"+address, "kubernetes"
	config.DisableCompression = true // what is not read yet lies in buffers as it is
	cluster, err := manifests.NewCluster(config)
	if err != nil {
		return err
	}
	inFlight, err := strconv.Atoi(lists)
	if err != nil {
		return err
	}
	var c counter
	report, err := cluster.Dump(ctx, &c, manifests.Options{Lists: inFlight})
	if err != nil {
		return err
	}
	if !report.Complete() {
		return errors.New(fmt.Sprint("not complete: ", report.Missing()))
	}
	fmt.Println(report.Objects, c)
	return nil
}

// counter counts bytes.
type counter int

func (c *counter) Begin(manifests.Instant) error {
	*c = 0
	return nil
}

func (c *counter) Object(o *manifests.Object) error {
	*c += counter(len(o.YAML))
	return nil
}
