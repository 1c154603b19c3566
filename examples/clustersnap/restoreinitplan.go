package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/clustersnap/clustersnap"
	etcdrestore "github.com/clustersnap/clustersnap/etcdsnap/restore"
	"github.com/clustersnap/clustersnap/kubeadm"
	"github.com/clustersnap/clustersnap/kubeadm/rehost"
	"github.com/clustersnap/clustersnap/pkibundle"
)

// initPlan is how a machine is prepared for kubeadm init.
type initPlan struct {
	set      *clustersnap.Set
	was      *kubeadm.Node
	root     string
	from, to rehost.Host
	left     *rehost.Plan
	lost     []string
}

func (p *initPlan) make(ctx context.Context, old *pkibundle.Bundle, opts rehost.InitOptions) error {
	var err error
	if p.from, err = rehost.HostOf(podsOf(old)); err != nil {
		return err
	}
	p.to.Port = p.from.Port
	past, err := readPast(ctx, p.set, old, prefixOf(p.was), filepath.Join(p.root, p.was.Etcd.DataDir.Value))
	if err != nil {
		return err
	}
	p.lost = past.onDiskOf(p.from.Name)
	p.left, err = rehost.Init(&past.Objects, p.from, p.to, opts)
	return err
}

// show prints for a program what moves, and the commands that are next.
func (p *initPlan) show(as output, out io.Writer) error {
	return as.value(out, struct {
		From rehost.Host `json:"from"`
		To   rehost.Host `json:"to"`
		Lost []string    `json:"lost,omitempty"`
		*rehost.Plan
	}{p.from, p.to, p.lost, p.left})
}

func (p *initPlan) tell(out steps) {
	out.line("host", fmt.Sprintf("%s at %s becomes %s at %s", p.from.Name, p.from.Address, p.to.Name, p.to.Address))
	for _, c := range p.left.Changes {
		out.line("changed", c.String())
	}
	for _, f := range p.left.Findings {
		out.line("look", f.String())
	}
	for _, text := range p.lost {
		out.line("lost", text)
	}
	out.line("old", fmt.Sprintf("the machine of %s must not run again: take away its disks, or its network", p.from.Name))
}

// prepare puts all in its place: the data last, so that a call that failed can be repeated.
func (p *initPlan) prepare(ctx context.Context, out steps, old *pkibundle.Bundle, now time.Time) error {
	if err := cmp.Or(emptyHost(p.root, p.was), ownAddress(p.to.Address)); err != nil {
		return err
	}
	some, err := old.Shared()
	if err != nil {
		return err
	}
	defer some.Clear()
	for _, f := range old.Files {
		if f.Link == "" && (f.Role == "encryption-config" || f.Role == "referenced") {
			f.Data = bytes.Clone(f.Data)
			some.Files = append(some.Files, f)
		}
	}
	some.Files = append(some.Files, kubeadmFile(p.left))
	some.Directories = directoriesOf(some, old)
	made, err := putFiles(p.root, some)
	for _, name := range made {
		out.line("file", name)
	}
	if err != nil {
		return err
	}
	return p.restoreData(ctx, out, now)
}

// restoreData makes the data directory for the member that kubeadm is going to look for.
func (p *initPlan) restoreData(ctx context.Context, out steps, now time.Time) error {
	src, _, err := openSnapshot(p.set)
	if err != nil {
		return err
	}
	defer src.Close()
	dir := filepath.Join(p.root, p.was.Etcd.DataDir.Value)
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	member := etcdrestore.Member{
		Name: p.to.Name, DataDir: dir,
		PeerURLs: []string{"https://" + net.JoinHostPort(p.to.Address.String(), "2380")},
	}
	return out.do("etcd", func(bar progress) (string, error) {
		made, err := etcdrestore.Restore(ctx, bar.reader(src), []etcdrestore.Member{member}, max(0, now.Sub(p.set.Created())),
			etcdrestore.Options{Etcd: p.was.Etcd.Version.Value})
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("member %s at %s in %s, revision %d raised to %d", member.Name, member.PeerURLs[0], dir,
			made.SnapshotRevision, made.Revision), nil
	})
}
