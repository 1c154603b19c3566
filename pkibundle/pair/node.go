package pair

import (
	"path"

	"github.com/clustersnap/clustersnap/pkibundle"
	"github.com/clustersnap/clustersnap/pkibundle/internal/material"
	"github.com/clustersnap/clustersnap/pkibundle/internal/pod"
	"github.com/clustersnap/clustersnap/pkibundle/internal/role"
)

// node is what the bundle's own files say of its node.
type node struct {
	programs  map[string]program // by name
	admin     string             // the server in admin.conf
	adminPath string
}

// program is one of a static pod.
type program struct {
	pod.Program
	path string // of the manifest
}

func nodeOf(b *pkibundle.Bundle) node {
	n := node{programs: map[string]program{}}
	for _, f := range files(b, role.StaticPod) {
		for _, p := range pod.Programs(f.Data) {
			if _, known := n.programs[p.Name]; !known {
				n.programs[p.Name] = program{p, f.Path}
			}
		}
	}
	for _, f := range files(b, role.AdminConf) {
		if config, err := material.ParseKubeconfig(f.Data); err == nil {
			n.admin, n.adminPath = config.Server, f.Path
			config.Clear()
		}
	}
	return n
}

// prefix is that of all keys in etcd, with a slash at the end.
func (n node) prefix() string {
	prefix := "/registry" // kube-apiserver's default
	api := n.programs["kube-apiserver"]
	if own := api.Flag("etcd-prefix"); own != "" {
		prefix = own
	}
	if prefix = path.Join("/", prefix); prefix == "/" {
		return prefix
	}
	return prefix + "/"
}
