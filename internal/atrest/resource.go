package atrest

import (
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

// internal are resources that kube-apiserver keeps for itself.
var internal = []string{"apiserveripinfo", "serviceipallocations", "servicenodeportallocations"}

// ResourceOf says of which resource the object is that kube-apiserver keeps under an etcd key. Prefix is its
// --etcd-prefix. Custom resources and those of the aggregator stand below their group; of others the key has no
// group, and it is that of Kubernetes' own resources. Keys that are no object's, keys outside the prefix, and those
// with longer names than Kubernetes has, have none.
func ResourceOf(key []byte, prefix string) (Resource, bool) {
	rest, ok := strings.CutPrefix(string(key), strings.TrimSuffix(path.Join("/", prefix), "/")+"/")
	if !ok {
		return Resource{}, false
	}
	parts := strings.SplitN(rest, "/", 3)
	if len(parts) < 2 {
		return Resource{}, false
	}
	if strings.Contains(parts[0], ".") {
		known := len(parts) == 3 && max(len(parts[0]), len(parts[1])) <= maxResource
		return Resource{Group: parts[0], Name: parts[1]}, known
	}
	for _, place := range []string{parts[0] + "/" + parts[1], parts[0]} {
		if r, ok := places[place]; ok {
			return r, true
		}
	}
	return Resource{Group: groups[parts[0]], Name: parts[0]}, len(parts[0]) <= maxResource
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
	"ranges/serviceips":          {Name: "serviceipallocations"},
	"ranges/secondaryserviceips": {Name: "serviceipallocations"},
	"ranges/servicenodeports":    {Name: "servicenodeportallocations"},
	"podsecuritypolicy":          {Group: "policy", Name: "podsecuritypolicies"},
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
