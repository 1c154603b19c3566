package storage

import (
	"cmp"
	"path"

	"github.com/clustersnap/clustersnap/internal/atrest"
	"github.com/clustersnap/clustersnap/manifests"
)

// EtcdKey is the key that kube-apiserver keeps an object at: what [Locate] takes apart. Prefix is its --etcd-prefix, and empty
// for [DefaultPrefix]. Of a resource of Kubernetes that this version does not know it is a guess.
func EtcdKey(of manifests.Key, prefix string) string {
	r := atrest.Resource{Group: of.Group, Name: of.Resource}
	if keyOf(atrest.Resource{Name: "events"}) == (manifests.Key{Group: of.Group, Resource: of.Resource}) {
		r.Group = "" // they stand there once, for both of their groups
	}
	return path.Join("/", cmp.Or(prefix, DefaultPrefix), r.Path(), of.Namespace) + "/" + of.Name
}
