// Command savesnap saves a snapshot of an etcd to a durable file as an embedder of the library would, and from the
// member's own file where its data directory is given:
//
//	savesnap FILE ENDPOINT CA CERT KEY [DATADIR]
//
// A FILE that ends in .zst is compressed on its way.
//
// It is what benchmarks hold against etcdctl snapshot save, and prints how much memory it had at most, in KiB.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"go.etcd.io/etcd/client/pkg/v3/transport"

	"github.com/clustersnap/clustersnap"
	"github.com/clustersnap/clustersnap/etcdsnap"
	"github.com/clustersnap/clustersnap/internal/e2e/highwater"
)

func main() {
	if len(os.Args) != 6 && len(os.Args) != 7 {
		fmt.Fprintln(os.Stderr, "usage: savesnap FILE ENDPOINT CA CERT KEY [DATADIR]")
		os.Exit(2)
	}
	files := transport.TLSInfo{TrustedCAFile: os.Args[3], CertFile: os.Args[4], KeyFile: os.Args[5]}
	opts := etcdsnap.Options{}
	if len(os.Args) == 7 {
		opts.DataDir = os.Args[6]
	}
	err := save(context.Background(), os.Args[1], os.Args[2], files, opts)
	if err == nil {
		err = highwater.Print()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "savesnap:", err)
		os.Exit(1)
	}
}

func save(ctx context.Context, path, endpoint string, files transport.TLSInfo, opts etcdsnap.Options) error {
	config, err := files.ClientConfig()
	if err != nil {
		return err
	}
	client, err := etcdsnap.Dial(ctx, []string{endpoint}, config, etcdsnap.DialOptions{})
	if err != nil {
		return err
	}
	defer client.Close()
	if filepath.Ext(path) == ".zst" {
		return saveCompressed(ctx, path, client, opts)
	}
	saved, err := etcdsnap.SaveFile(ctx, path, client, opts)
	if err == nil && opts.DataDir != "" && !saved.Local {
		err = errors.New("not read from the member's file: " + saved.NotLocal)
	}
	return err
}

func saveCompressed(ctx context.Context, path string, src etcdsnap.Source, opts etcdsnap.Options) error {
	file, err := clustersnap.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := clustersnap.Compressed(func(w io.Writer) error {
		_, err := etcdsnap.Save(ctx, w, src, opts)
		return err
	})(file); err != nil {
		return err
	}
	return file.Commit()
}
