package main

import (
	"bytes"
	"net/netip"
	"path"
	"slices"
	"strings"

	"github.com/clustersnap/clustersnap/kubeadm/rehost"
	"github.com/clustersnap/clustersnap/pkibundle"
)

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
