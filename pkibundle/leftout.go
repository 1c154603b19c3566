package pkibundle

import (
	"path"
	"slices"
	"strings"
)

// publicCAs are where distributions keep the CAs of the public web, and kubeadm mounts them
// (cmd/kubeadm/app/phases/controlplane/volumes.go in kubernetes/kubernetes). Its usr/local/share/ca-certificates is not among them:
// what is there the operator has put there.
var publicCAs = []string{"etc/ssl/certs", "etc/pki/ca-trust", "etc/pki/tls/certs", "etc/ca-certificates", "usr/share/ca-certificates"}

// publicBundles are the names of all those CAs in one file. Any other file that is named and lies there is the operator's.
var publicBundles = []string{
	"ca-certificates.crt", "ca-bundle.crt", "ca-bundle.trust.crt", "ca-bundle.pem", "cert.pem", "tls-ca-bundle.pem", "email-ca-bundle.pem",
	"objsign-ca-bundle.pem",
}

// scratchDir is where kubeadm copies the whole etcd data directory to when it upgrades
// (cmd/kubeadm/app/phases/upgrade/staticpods.go).
const scratchDir = "etc/kubernetes/tmp"

// leftOutByName says why a path is not collected although something names it; "" if it is.
func leftOutByName(at string) string {
	if why := leftOut(at); below(at, scratchDir) || slices.Contains(publicCAs, at) || slices.Contains(publicBundles, path.Base(at)) {
		return why
	}
	return ""
}

// leftOut says why a path is not collected with the directory that holds it; "" if it is.
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

// dropLinks omits links to what is not collected, such as an empty directory: in a restored tree they would lead nowhere. Without
// one of them a directory may have become empty, so it looks until nothing is left to drop.
func (c *collector) dropLinks() {
	for astray := c.linksAstray(); len(astray) > 0; astray = c.linksAstray() {
		for at, end := range astray {
			delete(c.files, at)
			why := "it is a link to " + end + ", which is not collected"
			c.omit(Omission{Path: at, From: "its place", Why: why, Harmless: leftOut(end) != ""})
		}
	}
}

// linksAstray gives the links that lead to nothing that is collected, and where they lead.
func (c *collector) linksAstray() map[string]string {
	held := map[string]bool{}
	for at := range c.files {
		for ; at != "."; at = path.Dir(at) {
			held[at] = true
		}
	}
	text := func(at string) (string, error) { return c.files[at].Link, nil }
	astray := map[string]string{}
	for at, f := range c.files {
		if end, err := follow(at, text); f.Link != "" && err == nil && !held[end] {
			astray[at] = end
		}
	}
	return astray
}

// below says whether a path is a directory or in it.
func below(at, dir string) bool { return at == dir || strings.HasPrefix(at, dir+"/") }
