package apply

import (
	"strings"

	"github.com/clustersnap/clustersnap/manifests"
)

// groupResource is a resource at any version.
type groupResource struct{ group, resource string }

// stages is the order in which kinds are brought back: each needs, or is changed by, something of a stage before. Within one
// all go at once. What no stage names is with the workloads if it is Kubernetes' own, and else a custom resource.
//
// Admission that others add comes last, or it would judge what is brought back before its own server is there: Velero has the
// issues #2443, #4524 and #4847 for it. So do quotas, which else count controllers' objects before the users' own.
var stages = [...][]groupResource{
	{ofDefinitions},
	{ofNamespaces},
	{ // of the whole cluster, and named by others
		{"storage.k8s.io", "storageclasses"}, {"storage.k8s.io", "csidrivers"}, {"storage.k8s.io", "volumeattributesclasses"},
		{"scheduling.k8s.io", "priorityclasses"}, {"node.k8s.io", "runtimeclasses"}, {"networking.k8s.io", "ingressclasses"},
		{"networking.k8s.io", "servicecidrs"}, {"resource.k8s.io", "deviceclasses"},
		{rbac, "clusterroles"},
	},
	{{"", "serviceaccounts"}, {rbac, "roles"}}, // a token without account is deleted, a binding to no role may be refused
	{
		{"", "configmaps"}, {"", "secrets"}, {"", "limitranges"}, {"", "podtemplates"},
		{rbac, "rolebindings"}, {rbac, "clusterrolebindings"},
	},
	{ofVolumes}, // or a claim is given a new one
	{ofClaims, {"", "services"}, {"networking.k8s.io", "networkpolicies"}},
	{{"", "endpoints"}, {"discovery.k8s.io", "endpointslices"}}, // those without a Service are deleted
	workloads: {},
	{
		{"autoscaling", "horizontalpodautoscalers"}, {"policy", "poddisruptionbudgets"}, {"networking.k8s.io", "ingresses"},
	},
	custom: {},
	{{"", "resourcequotas"}, {"apiregistration.k8s.io", "apiservices"}},
	{
		{admission, "validatingadmissionpolicies"}, {admission, "mutatingadmissionpolicies"},
		{admission, "validatingadmissionpolicybindings"}, {admission, "mutatingadmissionpolicybindings"},
		{admission, "validatingwebhookconfigurations"}, {admission, "mutatingwebhookconfigurations"},
	},
}

const (
	workloads = 8
	custom    = 10

	rbac      = "rbac.authorization.k8s.io"
	admission = "admissionregistration.k8s.io"
)

var (
	ofDefinitions = groupResource{"apiextensions.k8s.io", "customresourcedefinitions"}
	ofNamespaces  = groupResource{"", "namespaces"}
	ofVolumes     = groupResource{"", "persistentvolumes"}
	ofClaims      = groupResource{"", "persistentvolumeclaims"}
	ofAccounts    = groupResource{"", "serviceaccounts"}
	ofSecrets     = groupResource{"", "secrets"}
	ofConfigMaps  = groupResource{"", "configmaps"}
	ofJobs        = groupResource{"batch", "jobs"}
	ofCronJobs    = groupResource{"batch", "cronjobs"}
)

// ownGroups are Kubernetes' own groups with a dot. Other groups below k8s.io are of custom resources: KEP-1111.
var ownGroups = map[string]bool{
	admission: true, "apiextensions.k8s.io": true, "apiregistration.k8s.io": true, "authentication.k8s.io": true,
	"authorization.k8s.io": true, "certificates.k8s.io": true, "coordination.k8s.io": true, "discovery.k8s.io": true,
	"events.k8s.io": true, "flowcontrol.apiserver.k8s.io": true, "internal.apiserver.k8s.io": true, "networking.k8s.io": true,
	"node.k8s.io": true, rbac: true, "resource.k8s.io": true, "scheduling.k8s.io": true, "storage.k8s.io": true,
	"storagemigration.k8s.io": true,
}

// stageOf gives the stage of a resource.
func stageOf(k manifests.Key) int {
	of := kindOf(k)
	for i, kinds := range stages {
		for _, kind := range kinds {
			if kind == of {
				return i
			}
		}
	}
	if strings.Contains(k.Group, ".") && !ownGroups[k.Group] {
		return custom
	}
	return workloads
}

func kindOf(k manifests.Key) groupResource { return groupResource{k.Group, k.Resource} }
