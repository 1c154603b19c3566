package storage

import (
	"cmp"
	"strings"
	"unicode/utf8"

	"github.com/clustersnap/clustersnap/internal/atrest"
	"github.com/clustersnap/clustersnap/manifests"
)

// DefaultPrefix is kube-apiserver's --etcd-prefix where nothing else is said.
const DefaultPrefix = "/registry"

// Use is what a key of etcd is for.
type Use string

const (
	Object   Use = "object"   // it is of an API, present or removed
	Internal Use = "internal" // the API server keeps something for itself there
	Outside  Use = "outside"  // it is not below the prefix: compact_rev_key, and what is somebody else's
	Unknown  Use = "unknown"  // it is below the prefix, and like nothing that is known of an API server
)

// Place is what a key of etcd tells: of which object it is, or what else it is for.
type Place struct {
	Use Use
	// Key is that of an object as a dump of the cluster has it. For an Unknown key it is what the key looks like, without
	// a group, or the zero value if it looks like no object: see [Place.With].
	Key manifests.Key
	// For is one sentence on what the API server keeps at an Internal key.
	For string
}

// Locate says what a key is for. Prefix is kube-apiserver's --etcd-prefix, and empty for [DefaultPrefix].
//
// Custom resources stand at <prefix>/<group>/<plural>/[<namespace>/]<name>, as do definitions of them and APIServices.
// What kube-apiserver has itself stands at <prefix>/<plural>/[<namespace>/]<name>, some of it below another word than its
// plural: DefaultStorageFactory in k8s.io/apiserver/pkg/server/storage and pkg/kubeapiserver of kubernetes/kubernetes.
// Events are in the group that a dump lists them in, events.k8s.io.
//
// A key whose first word is no resource that this version knows is Unknown: a newer Kubernetes may have it, and
// [Place.With] finds out.
func Locate(key []byte, prefix string) Place {
	prefix = cmp.Or(prefix, DefaultPrefix)
	at, ok := atrest.PlaceOf(key, prefix)
	if !ok {
		if _, below := atrest.Below(key, prefix); below {
			return Place{Use: Unknown}
		}
		return Place{Use: Outside}
	}
	if at.Internal() {
		return internalPlace(at)
	}
	namespace, name, namespaced := strings.Cut(at.Name, "/")
	if !namespaced {
		namespace, name = "", at.Name
	}
	if namespaced && !isSegment(namespace) || !isSegment(name) || !utf8.Valid(key) || at.Resource.Name == "" {
		return Place{Use: Unknown}
	}
	p := Place{Use: Object, Key: keyOf(at.Resource)}
	p.Key.Namespace, p.Key.Name = namespace, name
	if !at.Regular {
		p.Use = Unknown
	}
	return p
}

// isSegment reports whether the API server takes a text for a name: IsValidPathSegmentName in
// k8s.io/apimachinery/pkg/api/validation/path.
func isSegment(name string) bool {
	return name != "" && name != "." && name != ".." && !strings.ContainsAny(name, "/%")
}

// keyOf gives a resource as manifests lists it.
func keyOf(r atrest.Resource) manifests.Key {
	if r == (atrest.Resource{Name: "events"}) {
		return manifests.Key{Group: "events.k8s.io", Resource: r.Name}
	}
	return manifests.Key{Group: r.Group, Resource: r.Name}
}

// purposes are what Internal keys are for, by the names that atrest has for them.
var purposes = map[string]string{
	"apiserveripinfo":            "an API server says which address it has, for the Endpoints of the Service kubernetes",
	"peerserverleases":           "an API server says where the others reach it",
	"serviceipallocations":       "which cluster IPs are taken: the API server counts them anew from the Services",
	"servicenodeportallocations": "which node ports are taken: the API server counts them anew from the Services",
}

func internalPlace(at atrest.Place) Place {
	return Place{Use: Internal, For: purposes[at.Resource.Name]}
}

// With is the place in the light of what the value says of itself. A key that is Unknown is an Object if its value is one
// of the same name in the same namespace: of a newer Kubernetes, or of an API that was removed before this library knew it.
// All others stay as they are.
func (p Place) With(m Meta) Place {
	group, _, grouped := strings.Cut(m.APIVersion, "/")
	if !grouped {
		group = ""
	}
	same := p.Key.Name != "" && p.Key.Name == m.Name && p.Key.Namespace == m.Namespace
	if p.Use != Unknown || !same || m.Kind == "" || p.Key.Group != "" || group == "" {
		return p
	}
	if (atrest.Resource{Group: group, Name: p.Key.Resource}).BuiltIn() { // it has another place
		return p
	}
	p.Use, p.Key.Group = Object, group
	return p
}

// resource is what the key tells of the resource.
func (p Place) resource() manifests.Resource {
	return manifests.Resource{Group: p.Key.Group, Resource: p.Key.Resource, Namespaced: p.Key.Namespace != ""}
}
