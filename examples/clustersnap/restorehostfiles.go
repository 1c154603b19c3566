package main

import (
	"fmt"
	"net/netip"
	"strings"
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

// kubeadmFile is the configuration of a plan as a file of the node.
func kubeadmFile(plan *rehost.Plan) pkibundle.File {
	return pkibundle.File{
		Path: strings.TrimPrefix(plan.ConfigPath, "/"), Role: "other", Mode: 0o600, Data: plan.Config,
		Owner: pkibundle.Owner{User: "root", Group: "root"},
	}
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
