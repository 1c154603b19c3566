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
	programs  map[string]*pod.Program // of static pods, by name
	admin     string                  // the server in admin.conf
	adminPath string
}

func nodeOf(b *pkibundle.Bundle) node {
	manifest := func(f pkibundle.File) (string, []byte) { return f.Path, f.Data }
	n := node{programs: pod.ByName(b.With(role.StaticPod), manifest)}
	for _, f := range files(b, role.AdminConf) {
		if config, err := material.ParseKubeconfig(f.Data); err == nil {
			n.admin, n.adminPath = config.Server, f.Path
			config.Clear()
		}
	}
	return n
}

// program is one of a static pod, without anything if there is none of the name.
func (n node) program(name string) *pod.Program {
	if p := n.programs[name]; p != nil {
		return p
	}
	return &pod.Program{}
}

// prefix is that of all keys in etcd, with a slash at the end.
func (n node) prefix() string {
	prefix := "/registry" // kube-apiserver's default
	api := n.program("kube-apiserver")
	if own := api.Flag("etcd-prefix"); own != "" {
		prefix = own
	}
	if prefix = path.Join("/", prefix); prefix == "/" {
		return prefix
	}
	return prefix + "/"
}
