package main

import (
	"bytes"
	"fmt"
	"net/netip"
	"path"
	"slices"
	"strings"
	"testing/fstest"
	"time"

	"github.com/clustersnap/clustersnap/kubeadm"
	"github.com/clustersnap/clustersnap/kubeadm/rehost"
	"github.com/clustersnap/clustersnap/pkibundle"
	"github.com/clustersnap/clustersnap/pkibundle/reissue"
)

// movedNode is a control-plane node as it will be on another host.
type movedNode struct {
	from, to rehost.Host
	node     *kubeadm.Node
	bundle   *pkibundle.Bundle // its files
	endpoint string            // by which all reach the API, empty if that is the node itself
	changes  []rehost.Change
	findings []rehost.Finding
}

// moveNode makes the files of another host out of those of a node: certificates are issued anew, manifests and the kubelet's
// flags rewritten, and what is the same everywhere is copied. Hostname is what the new machine calls itself. The caller clears
// the bundle.
func moveNode(old *pkibundle.Bundle, to rehost.Host, hostname string, now time.Time) (*movedNode, error) {
	m := &movedNode{to: to, bundle: &pkibundle.Bundle{}}
	if err := m.make(old, hostname, now); err != nil {
		m.bundle.Clear()
		return nil, err
	}
	return m, nil
}

func (m *movedNode) make(old *pkibundle.Bundle, hostname string, now time.Time) error {
	pods := podsOf(old)
	var err error
	if m.from, err = rehost.HostOf(pods); err != nil {
		return err
	}
	m.to.Port = m.from.Port
	moved, err := rehost.Manifests(pods, m.from, m.to)
	if err != nil {
		return err
	}
	m.changes, m.findings = moved.Changes, moved.Findings
	if err := m.reissue(old, now); err != nil {
		return err
	}
	m.copy(old, moved, hostname)
	m.node, err = kubeadm.Read(filesOf(m.bundle), kubeadm.Options{})
	return err
}

// podsOf are the manifests of a node.
func podsOf(b *pkibundle.Bundle) (pods []rehost.File) {
	for _, f := range b.With("static-pod") {
		if f.Link == "" {
			pods = append(pods, rehost.File{Path: f.Path, Data: f.Data})
		}
	}
	return pods
}

// reissue makes all certificates and kubeconfigs.
func (m *movedNode) reissue(old *pkibundle.Bundle, now time.Time) error {
	node, err := reissue.NodeOf(old)
	if err != nil {
		return err
	}
	node.Name, node.AdvertiseAddress, m.endpoint = m.to.Name, m.to.Address, node.ControlPlaneEndpoint
	for _, list := range [][]string{node.APIServerNames, node.EtcdServerNames, node.EtcdPeerNames} {
		for i, name := range list {
			list[i] = m.other(name)
		}
	}
	made, err := reissue.Leaves(old, node, now)
	if err == nil {
		m.bundle = made
	}
	return err
}

// other is a further name or address of the old host as the new one has it.
func (m *movedNode) other(name string) string {
	a, err := netip.ParseAddr(name)
	for i, b := range m.from.Others {
		if err == nil && a.Unmap() == b && i < len(m.to.Others) {
			return m.to.Others[i].String()
		}
	}
	return name
}

// copy adds what is no certificate of the node's own, with what of it is of the new host.
func (m *movedNode) copy(old *pkibundle.Bundle, moved *rehost.Moved, hostname string) {
	pods := map[string][]byte{}
	for _, f := range moved.Files {
		pods[f.Path] = f.Data
	}
	for _, f := range old.Files {
		pod, isPod := pods[f.Path]
		switch {
		case f.Link != "":
			if !strings.HasPrefix(f.Role, "kubelet-client") && !strings.HasPrefix(f.Role, "kubelet-server") {
				m.find(f, "it is a link to "+f.Link+" on the old machine, and does not come back: make it on this one")
			}
			continue
		case isPod:
			f.Data = pod
		case path.Base(f.Path) == "kubeadm-flags.env":
			f.Data = m.kubeletFlags(f, hostname)
			m.mention(f)
		case slices.Contains([]string{"encryption-config", "kubelet-config", "referenced", "other"}, f.Role):
			f.Data = bytes.Clone(f.Data)
			m.mention(f)
		default:
			continue // it is made anew, or the kubelet's own
		}
		m.bundle.Files = append(m.bundle.Files, f)
	}
	slices.SortFunc(m.bundle.Files, byPath)
	m.bundle.Directories = directoriesOf(m.bundle, old)
}

// kubeletFlags are those of the new host, or the old ones if they are not of kubeadm's form.
func (m *movedNode) kubeletFlags(f pkibundle.File, hostname string) []byte {
	flags, changes, err := rehost.KubeletFlags(rehost.File{Path: f.Path, Data: f.Data}, m.from, m.to, hostname)
	if err != nil {
		m.find(f, "it comes back as it was: "+err.Error())
		return bytes.Clone(f.Data)
	}
	m.changes = append(m.changes, changes...)
	return flags.Data
}

func (m *movedNode) find(f pkibundle.File, text string) {
	m.findings = append(m.findings, rehost.Finding{File: f.Path, Text: text})
}

// mention finds what of a file still means the old host.
func (m *movedNode) mention(f pkibundle.File) {
	of := m.from
	if of.Name == m.to.Name {
		of.Name = ""
	}
	if of.Address == m.to.Address {
		of.Address = netip.Addr{}
	}
	m.findings = append(m.findings, rehost.Mentions([]rehost.File{{Path: f.Path, Data: f.Data}}, of)...)
}

// kubeadmFile is the configuration of a plan as a file of the node.
func kubeadmFile(plan *rehost.Plan) pkibundle.File {
	return pkibundle.File{
		Path: strings.TrimPrefix(plan.ConfigPath, "/"), Role: "other", Mode: 0o600, Data: plan.Config,
		Owner: pkibundle.Owner{User: "root", Group: "root"},
	}
}

func byPath(a, b pkibundle.File) int { return strings.Compare(a.Path, b.Path) }

// directoriesOf are those that hold the files of a bundle, as the old one or else that itself knows them.
func directoriesOf(b, old *pkibundle.Bundle) (all []pkibundle.Directory) {
	wanted := map[string]bool{}
	for _, f := range b.Files {
		for dir := path.Dir(f.Path); dir != "."; dir = path.Dir(dir) {
			wanted[dir] = true
		}
	}
	for _, d := range slices.Concat(old.Directories, b.Directories) {
		if wanted[d.Path] {
			wanted[d.Path] = false
			all = append(all, d)
		}
	}
	slices.SortFunc(all, func(a, b pkibundle.Directory) int { return strings.Compare(a.Path, b.Path) })
	return all
}

// filesOf is a bundle as a node's file system.
func filesOf(b *pkibundle.Bundle) fstest.MapFS {
	root := fstest.MapFS{}
	for _, f := range b.Files {
		root[f.Path] = &fstest.MapFile{Data: f.Data, Mode: f.Mode}
	}
	return root
}

// toBringTo is what of the files a new host gets: all that is Kubernetes' own, and what else it lacks.
func toBringTo(bundle *pkibundle.Bundle, changes []pkibundle.Change) *pkibundle.Bundle {
	lacks := map[string]bool{}
	for _, c := range changes {
		lacks[c.Path] = c.Create
	}
	some := &pkibundle.Bundle{Directories: bundle.Directories}
	for _, f := range bundle.Files {
		if lacks[f.Path] || strings.HasPrefix(f.Path, "etc/kubernetes/") || strings.HasPrefix(f.Path, "var/lib/kubelet/") {
			some.Files = append(some.Files, f)
		}
	}
	some.Directories = directoriesOf(some, bundle)
	return some
}

// lines are what was found, for people.
func (m *movedNode) lines() (texts []string) {
	for _, f := range m.findings {
		texts = append(texts, f.String())
	}
	return texts
}

func (m *movedNode) String() string {
	return fmt.Sprintf("%s at %s becomes %s at %s", m.from.Name, m.from.Address, m.to.Name, m.to.Address)
}
