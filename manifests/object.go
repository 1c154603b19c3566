package manifests

import (
	"cmp"
	"strings"
)

// Key is what identifies an object in a cluster, whatever the version it is read at. A kind alone would not do: Knative's
// Service is another resource than the core one.
type Key struct {
	Group     string `json:"group,omitempty"` // empty for the core group
	Resource  string `json:"resource"`        // the plural, such as "deployments"
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
}

// String writes a key as kubectl takes it: deployments.apps/web -n shop.
func (k Key) String() string {
	var b strings.Builder
	b.WriteString(k.Resource)
	if k.Group != "" {
		b.WriteString("." + k.Group)
	}
	b.WriteString("/" + k.Name)
	if k.Namespace != "" {
		b.WriteString(" -n " + k.Namespace)
	}
	return b.String()
}

// Compare orders keys: what belongs to no namespace first, then by namespace, resource, group and name.
func (k Key) Compare(other Key) int {
	return cmp.Or(
		cmp.Compare(k.Namespace, other.Namespace),
		cmp.Compare(k.Resource, other.Resource),
		cmp.Compare(k.Group, other.Group),
		cmp.Compare(k.Name, other.Name),
	)
}

// Resource is one kind of object as discovery lists it, at the version it is read at.
type Resource struct {
	Group      string `json:"group,omitempty"`
	Version    string `json:"version"`
	Resource   string `json:"resource"` // the plural
	Kind       string `json:"kind"`
	Namespaced bool   `json:"namespaced,omitempty"`
	// Status says that there is a status subresource. Without one, .status is the user's own data.
	Status bool `json:"status,omitempty"`
}

// Level is how much of an object is taken out of its canonical form.
type Level int

const (
	// Portable takes out also what binds an object to its cluster: for git, and to create it elsewhere.
	Portable Level = iota
	// Faithful takes out only what the server computes anew or forbids: for history, and to compare one cluster with itself.
	Faithful
)

// Class is what an object is to those who restore it.
type Class string

const (
	User        Class = "user"        // somebody made it
	Generated   Class = "generated"   // a controller makes it again from another object
	Bootstrap   Class = "bootstrap"   // the control plane makes it in every cluster
	NodeBound   Class = "node-bound"  // it says something about one machine
	Terminating Class = "terminating" // it is being deleted
	Completed   Class = "completed"   // a pod or job that has ended
	Virtual     Class = "virtual"     // computed on request, stored nowhere
)

// Entry says of one object what an index holds.
type Entry struct {
	Key
	Version         string `json:"version"` // that it was read at, such as "v1"
	Kind            string `json:"kind"`
	UID             string `json:"uid,omitempty"`
	ResourceVersion string `json:"resourceVersion,omitempty"`
	Class           Class  `json:"class"`
	Hash            string `json:"sha256"` // of the canonical YAML, in hex
}

// Object is one object in canonical form.
type Object struct {
	Entry
	// YAML is one document without separator, ended by a newline.
	YAML []byte
	// Removed are the paths of the fields that were taken out, in the order they were met, such as "metadata.uid".
	Removed []string
}
