package main

import (
	"path"
	"slices"
	"strings"
	"testing/fstest"

	"github.com/clustersnap/clustersnap/pkibundle"
)

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

// toBring is the whole bundle if what signs is another one now, since all else was signed by that. If not, the node's own
// certificates may be newer ones, and only what is missing comes, and the encryption configuration.
func toBring(bundle *pkibundle.Bundle, changes []pkibundle.Change) *pkibundle.Bundle {
	brought := map[string]bool{}
	for _, c := range changes {
		if strings.HasSuffix(c.Role, "-ca-cert") || strings.HasPrefix(c.Role, "service-account-") {
			if slices.ContainsFunc(c.Differs, func(what string) bool { return what == "contents" }) || c.Create {
				return bundle
			}
		}
		if c.Create || c.Role == "encryption-config" {
			brought[c.Path] = true
		}
	}
	some := &pkibundle.Bundle{}
	for _, f := range bundle.Files {
		if brought[f.Path] && f.Link == "" {
			some.Files = append(some.Files, f)
		}
	}
	some.Directories = directoriesOf(some, bundle)
	return some
}
