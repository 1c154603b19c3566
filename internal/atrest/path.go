package atrest

import "strings"

// Path is where kube-apiserver keeps the objects of a resource, below its --etcd-prefix: what [PlaceOf] takes apart. A resource
// without a dot in its group that is not known here has no place of its own, and stands under its name.
func (r Resource) Path() string {
	for path, moved := range places {
		if moved == r {
			return path
		}
	}
	if r.BuiltIn() || !strings.Contains(r.Group, ".") {
		return r.Name
	}
	return r.Group + "/" + r.Name
}
