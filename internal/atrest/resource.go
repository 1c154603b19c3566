package atrest

import (
	"bytes"
	"errors"
	"path"
	"slices"
	"strings"
)

// Resource is what an EncryptionConfiguration names: a resource and its API group, which is empty for the core group.
type Resource struct{ Group, Name string }

// String gives it as an EncryptionConfiguration has it: "secrets", "widgets.example.com".
func (r Resource) String() string {
	if r.Group == "" {
		return r.Name
	}
	return r.Name + "." + r.Group
}

// parseResource reads "secrets", "widgets.example.com", "*.apps", "*." for the core group, or "*.*".
func parseResource(s string) (Resource, error) {
	name, group, _ := strings.Cut(s, ".")
	r := Resource{Group: group, Name: name}
	switch {
	case s == "*":
		return r, errors.New("a resource is *, and not *. for the core group or *.* for all")
	case strings.ToLower(r.Name+r.Group) != r.Name+r.Group:
		return r, errors.New("a resource has capital letters")
	case r.Group == "*" && r.Name != "*":
		return r, errors.New("a resource is of all groups")
	case r.Group == "events.k8s.io" || r.Group == "extensions":
		return r, errors.New("a resource is of a group that etcd has under another: events.k8s.io or extensions")
	case r.Group == "" && slices.Contains(internal, r.Name):
		return r, errors.New("a resource is one that has no API")
	}
	return r, nil
}

// overlaps says whether a resource is one of others, or one of them covers the other.
func (r Resource) overlaps(others []Resource) bool {
	all := Resource{Group: "*", Name: "*"}
	for _, o := range others {
		if o == r || o == all || r == all || o.Group == r.Group && (o.Name == "*" || r.Name == "*") {
			return true
		}
	}
	return false
}

// peers is where API servers find each other (KEP-4020).
const peers = "peerserverleases"

// internal are resources that kube-apiserver keeps for itself, by the names that it lets nobody encrypt.
var internal = []string{"apiserveripinfo", "serviceipallocations", "servicenodeportallocations"}

// Place is what an etcd key says of the object that kube-apiserver keeps under it.
type Place struct {
	Resource Resource
	// Name is the rest of the key: the name of the object, after its namespace and a slash if it has one.
	Name string
	// Regular says that kube-apiserver keeps the resource there, and nowhere else. Without it nothing is known of a resource
	// by that name, or it is one that has another place.
	Regular bool
}

// Internal reports whether the resource has no API: kube-apiserver keeps it for itself.
func (p Place) Internal() bool { return p.Resource.internal() }

func (r Resource) internal() bool {
	return r.Group == "" && (slices.Contains(internal, r.Name) || r.Name == peers)
}

// ResourceOf says of which resource the object is that kube-apiserver keeps under an etcd key. Prefix is its
// --etcd-prefix. Custom resources and those of the aggregator stand below their group; of others the key has no
// group, and it is that of Kubernetes' own resources. Keys that are no object's, keys outside the prefix, and those
// with longer names than Kubernetes has, have none.
func ResourceOf(key []byte, prefix string) (Resource, bool) {
	p, ok := PlaceOf(key, prefix)
	return p.Resource, ok
}

// PlaceOf is ResourceOf, and tells all that the key says.
func PlaceOf(key []byte, prefix string) (Place, bool) {
	rest, ok := Below(key, prefix)
	if !ok {
		return Place{}, false
	}
	first, more, ok := strings.Cut(rest, "/")
	if !ok {
		return Place{}, false
	}
	second, third, deeper := strings.Cut(more, "/")
	if strings.Contains(first, ".") {
		r := Resource{Group: first, Name: second}
		return Place{r, third, !r.BuiltIn()}, deeper && max(len(first), len(second)) <= maxResource
	}
	if shared[first] {
		if r, ok := places[first+"/"+second]; ok {
			return Place{r, third, true}, true
		}
	}
	if r, ok := places[first]; ok {
		return Place{r, more, true}, true
	}
	r := Resource{Group: groups[first], Name: first}
	return Place{r, more, r.BuiltIn() && !moved[r]}, len(first) <= maxResource
}

// Below gives what follows the prefix in a key; ok is false for one that is not below it.
func Below(key []byte, prefix string) (rest string, ok bool) {
	if !strings.HasPrefix(prefix, "/") || strings.HasSuffix(prefix, "/") || path.Clean(prefix) != prefix {
		prefix = strings.TrimSuffix(path.Join("/", prefix), "/")
	}
	below, ok := bytes.CutPrefix(key, []byte(prefix))
	if !ok || len(below) == 0 || below[0] != '/' {
		return "", false
	}
	return string(below[1:]), true
}

// BuiltIn reports whether a resource is of Kubernetes' own that stand below no group.
func (r Resource) BuiltIn() bool {
	group, ok := groups[r.Name]
	return ok && group == r.Group || moved[r] || r.Group == "" && slices.Contains(core, r.Name)
}

// All are Kubernetes' own resources that stand below no group, in no order, without those that have no API.
func All() []Resource {
	var all []Resource
	for _, name := range core {
		all = append(all, Resource{Name: name})
	}
	for name, group := range groups {
		all = append(all, Resource{group, name})
	}
	for r := range moved {
		all = append(all, r)
	}
	return all
}

// maxResource is the length of a name in the DNS, which groups and resources have.
const maxResource = 253

// places are those of resources that are not kept under their own name (SpecialDefaultResourcePrefixes in
// pkg/kubeapiserver/default_storage_factory_builder.go, and pkg/registry/core/rest/storage_core.go, of
// kubernetes/kubernetes).
var places = map[string]Resource{
	"controllers":                {Name: "replicationcontrollers"},
	"minions":                    {Name: "nodes"},
	"services/specs":             {Name: "services"},
	"services/endpoints":         {Name: "endpoints"},
	"ingress":                    {Group: "networking.k8s.io", Name: "ingresses"},
	"masterleases":               {Name: "apiserveripinfo"},
	peers:                        {Name: peers},
	"ranges/serviceips":          {Name: "serviceipallocations"},
	"ranges/secondaryserviceips": {Name: "serviceipallocations"},
	"ranges/servicenodeports":    {Name: "servicenodeportallocations"},
	"podsecuritypolicy":          {Group: "policy", Name: "podsecuritypolicies"},
}

// shared are the first words of places that have more than one.
var shared = map[string]bool{"ranges": true, "services": true}

// moved are those of places that have an API.
var moved = func() map[Resource]bool {
	all := map[Resource]bool{}
	for _, r := range places {
		if !r.internal() {
			all[r] = true
		}
	}
	return all
}()

// core are the resources of the core group that are kept under their own name.
var core = []string{
	"configmaps", "events", "limitranges", "namespaces", "persistentvolumeclaims", "persistentvolumes", "pods", "podtemplates",
	"resourcequotas", "secrets", "serviceaccounts",
}

// groups are those of Kubernetes' own resources outside the core group (pkg/registry/*/rest in kubernetes/kubernetes,
// 1.13 to 1.37). Custom resources have a dot in their group, so a new resource is missed only until it stands here.
var groups = map[string]string{
	"mutatingadmissionpolicies":         "admissionregistration.k8s.io",
	"mutatingadmissionpolicybindings":   "admissionregistration.k8s.io",
	"mutatingwebhookconfigurations":     "admissionregistration.k8s.io",
	"validatingadmissionpolicies":       "admissionregistration.k8s.io",
	"validatingadmissionpolicybindings": "admissionregistration.k8s.io",
	"validatingwebhookconfigurations":   "admissionregistration.k8s.io",
	"controllerrevisions":               "apps",
	"daemonsets":                        "apps",
	"deployments":                       "apps",
	"replicasets":                       "apps",
	"statefulsets":                      "apps",
	"horizontalpodautoscalers":          "autoscaling",
	"cronjobs":                          "batch",
	"jobs":                              "batch",
	"certificatesigningrequests":        "certificates.k8s.io",
	"clustertrustbundles":               "certificates.k8s.io",
	"podcertificaterequests":            "certificates.k8s.io",
	"leasecandidates":                   "coordination.k8s.io",
	"leases":                            "coordination.k8s.io",
	"endpointslices":                    "discovery.k8s.io",
	"flowschemas":                       "flowcontrol.apiserver.k8s.io",
	"prioritylevelconfigurations":       "flowcontrol.apiserver.k8s.io",
	"storageversions":                   "internal.apiserver.k8s.io",
	"evictionrequests":                  "lifecycle.k8s.io",
	"ingressclasses":                    "networking.k8s.io",
	"ipaddresses":                       "networking.k8s.io",
	"networkpolicies":                   "networking.k8s.io",
	"servicecidrs":                      "networking.k8s.io",
	"runtimeclasses":                    "node.k8s.io",
	"poddisruptionbudgets":              "policy",
	"clusterrolebindings":               "rbac.authorization.k8s.io",
	"clusterroles":                      "rbac.authorization.k8s.io",
	"rolebindings":                      "rbac.authorization.k8s.io",
	"roles":                             "rbac.authorization.k8s.io",
	"deviceclasses":                     "resource.k8s.io",
	"devicetaintrules":                  "resource.k8s.io",
	"resourceclaims":                    "resource.k8s.io",
	"resourceclaimtemplates":            "resource.k8s.io",
	"resourcepoolstatusrequests":        "resource.k8s.io",
	"resourceslices":                    "resource.k8s.io",
	"compositepodgroups":                "scheduling.k8s.io",
	"podgroups":                         "scheduling.k8s.io",
	"priorityclasses":                   "scheduling.k8s.io",
	"workloads":                         "scheduling.k8s.io",
	"csidrivers":                        "storage.k8s.io",
	"csinodes":                          "storage.k8s.io",
	"csistoragecapacities":              "storage.k8s.io",
	"storageclasses":                    "storage.k8s.io",
	"volumeattachments":                 "storage.k8s.io",
	"volumeattributesclasses":           "storage.k8s.io",
	"storageversionmigrations":          "storagemigration.k8s.io",
}
