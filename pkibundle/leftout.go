package pkibundle

import (
	"path"
	"strings"
)

// publicCAs are where distributions keep the CAs of the public web, and kubeadm mounts them
// (cmd/kubeadm/app/phases/controlplane/volumes.go in kubernetes/kubernetes). Its usr/local/share/ca-certificates is not among them:
// what is there the operator has put there.
var publicCAs = []string{"etc/ssl/certs", "etc/pki/ca-trust", "etc/pki/tls/certs", "etc/ca-certificates", "usr/share/ca-certificates"}

// scratchDir is where kubeadm copies the whole etcd data directory to when it upgrades
// (cmd/kubeadm/app/phases/upgrade/staticpods.go).
const scratchDir = "etc/kubernetes/tmp"

// leftOut says why a path is never collected; "" if it is.
func leftOut(at string) string {
	if below(at, scratchDir) {
		return "kubeadm keeps scratch copies there"
	}
	for _, dir := range publicCAs {
		if below(at, dir) {
			return "the distribution brings its public CAs"
		}
	}
	return ""
}

// dropLinks omits links to what is not collected, such as an empty directory: in a restored tree they would lead nowhere.
func (c *collector) dropLinks() {
	held := map[string]bool{}
	for at := range c.files {
		for ; at != "."; at = path.Dir(at) {
			held[at] = true
		}
	}
	text := func(at string) (string, error) { return c.files[at].Link, nil }
	for at, f := range c.files {
		if f.Link == "" {
			continue
		}
		if leads, err := follow(at, text); err == nil && !held[leads] {
			delete(c.files, at)
			c.omit(Omission{Path: at, From: "its place", Why: "it is a link to " + leads + ", which is not collected", Harmless: leftOut(leads) != ""})
		}
	}
}

// below says whether a path is a directory or in it.
func below(at, dir string) bool { return at == dir || strings.HasPrefix(at, dir+"/") }
