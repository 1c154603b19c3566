// Command savesnap saves a snapshot of an etcd to a durable file as an embedder of the library would:
//
//	savesnap FILE ENDPOINT CA CERT KEY
//
// It is what benchmarks hold against etcdctl snapshot save.
package main

import (
	"context"
	"fmt"
	"os"

	"go.etcd.io/etcd/client/pkg/v3/transport"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"github.com/clustersnap/clustersnap"
	"github.com/clustersnap/clustersnap/etcdsnap"
)

func main() {
	if len(os.Args) != 6 {
		fmt.Fprintln(os.Stderr, "usage: savesnap FILE ENDPOINT CA CERT KEY")
		os.Exit(2)
	}
	files := transport.TLSInfo{TrustedCAFile: os.Args[3], CertFile: os.Args[4], KeyFile: os.Args[5]}
	if err := save(os.Args[1], os.Args[2], files); err != nil {
		fmt.Fprintln(os.Stderr, "savesnap:", err)
		os.Exit(1)
	}
}

func save(path, endpoint string, files transport.TLSInfo) error {
	config, err := files.ClientConfig()
	if err != nil {
		return err
	}
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{endpoint}, TLS: config, Logger: zap.NewNop()})
	if err != nil {
		return err
	}
	defer client.Close()
	file, err := clustersnap.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	if _, err := etcdsnap.Save(context.Background(), file, client, etcdsnap.Options{}); err != nil {
		return err
	}
	return file.Commit()
}
