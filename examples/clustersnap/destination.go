package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"os"
	"strings"
	"time"

	"github.com/clustersnap/clustersnap"
	"github.com/clustersnap/clustersnap/examples/store"
	"github.com/clustersnap/clustersnap/kubeadm"
)

// place is where the command line wants a set.
type place struct {
	to      string // a FILE, or the URL of a folder or of a set
	cluster string // what to call the cluster; empty for a digest of its CA
	node    string // what to call the node; empty for its own name
	verdict store.Verdict
}

// state says how a set is there once it was committed.
func (p place) state() string {
	switch {
	case !store.IsURL(p.to):
		return "on disk"
	case p.verdict == store.Verified:
		return "stored and read back"
	}
	return "stored, and not read back"
}

// destination is a set in the making: it is there whole, or not at all.
type destination interface {
	io.Writer
	// Commit gives it its name, and says where and how large it is.
	Commit(ctx context.Context, about store.About) (where string, size int64, err error)
	// Close takes away what was not committed.
	Close() error
}

// about says of which cluster and node a set is. It lacks what is only known when the set is full.
func (p place) about(node *kubeadm.Node, root fs.FS, now time.Time) (store.About, error) {
	about := store.About{Created: now, Cluster: p.cluster, Node: cmp.Or(p.node, node.Etcd.Name.Value)}
	var errs []error
	if about.Node == "" {
		name, err := hostname(root)
		about.Node, errs = name, append(errs, err)
	}
	if about.Cluster == "" {
		digest, err := clusterDigest(node, root)
		if err != nil {
			err = fmt.Errorf("name the cluster by its CA: %w: give --cluster NAME", err)
		}
		about.Cluster, errs = digest, append(errs, err)
	}
	return about, errors.Join(errs...)
}

// create begins a set.
func (p place) create(ctx context.Context, about store.About) (destination, error) {
	if !store.IsURL(p.to) {
		f, err := clustersnap.Create(p.to)
		return fileDestination{f, p.to}, err
	}
	to, err := openStore(ctx, p.to)
	if err != nil {
		return nil, err
	}
	name := cmp.Or(to.Set(), store.Name(about.Cluster, about.Node, about.Created))
	upload, err := to.Create(ctx, name, about.Created)
	if err != nil {
		return nil, errors.Join(err, to.Close())
	}
	return storeDestination{upload, to, p.verdict}, nil
}

// check looks at what can be known before any work is done.
func (p place) check() error {
	if !store.IsURL(p.to) {
		if p.cluster != "" || p.node != "" || p.verdict == store.Unverified {
			return errors.New("--cluster, --node and --no-read-back are for a --to URL")
		}
		return nil
	}
	for flag, name := range map[string]string{"--cluster": p.cluster, "--node": p.node} {
		if name != "" && !store.PlainText(name) {
			return fmt.Errorf("%s must be 1 to 253 bytes of text, without tabs and the like", flag)
		}
	}
	return store.Check(p.to)
}

// hostname is the name of a node whose etcd is elsewhere, so that it gives it none. Each node needs its own: sets of one name
// replace each other.
func hostname(root fs.FS) (string, error) {
	text, err := fs.ReadFile(root, "etc/hostname")
	name := strings.TrimSpace(string(text))
	if err != nil || !store.PlainText(name) {
		return "", errors.New("etcd is not on this node, and there is no etc/hostname to call it by: " +
			"give --node NAME, another one on each node")
	}
	return name, nil
}

// openStore opens the store of a URL for a command that says itself what goes wrong.
func openStore(ctx context.Context, url string) (*store.Store, error) {
	if err := store.Check(url); err != nil {
		return nil, usageError{err}
	}
	log.SetOutput(io.Discard) // a driver's library writes there, beside the error that it returns
	return store.Open(ctx, url, store.Options{})
}

type fileDestination struct {
	*clustersnap.File
	name string
}

func (d fileDestination) Commit(context.Context, store.About) (string, int64, error) {
	if err := d.File.Commit(); err != nil {
		return "", 0, err
	}
	info, err := os.Stat(d.name)
	if err != nil {
		return "", 0, err
	}
	return d.name, info.Size(), nil
}

type storeDestination struct {
	*store.Upload
	store   *store.Store
	verdict store.Verdict
}

func (d storeDestination) Commit(ctx context.Context, about store.About) (string, int64, error) {
	receipt, err := d.Upload.Commit(ctx, about, d.verdict)
	return d.store.URL(receipt.Set), receipt.Size, err
}

func (d storeDestination) Close() error { return errors.Join(d.Upload.Close(), d.store.Close()) }

// shellWord is a URL as a shell takes it.
func shellWord(s string) string {
	const plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789%+,-./:=@_"
	if strings.Trim(s, plain) == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
