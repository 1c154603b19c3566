package storage

import (
	"reflect"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/version"
	"k8s.io/client-go/kubernetes/scheme"

	"github.com/clustersnap/clustersnap/internal/atrest"
	"github.com/clustersnap/clustersnap/manifests"
)

// builtIn are Kubernetes' own resources that this program has types for, at the newest version of those, in no order.
func builtIn() []manifests.Resource {
	types := map[schema.GroupResource]schema.GroupVersionKind{}
	for kind := range scheme.Scheme.AllKnownTypes() {
		plural, _ := meta.UnsafeGuessKindToResource(kind)
		r := plural.GroupResource()
		if old, ok := types[r]; !ok || version.CompareKubeAwareVersionStrings(kind.Version, old.Version) > 0 {
			types[r] = kind
		}
	}
	all := []manifests.Resource{
		{
			Group: definitions.Group, Version: definitionListed, Resource: definitions.Resource, Kind: "CustomResourceDefinition",
			Status: true,
		},
		{Group: services.Group, Version: "v1", Resource: services.Resource, Kind: "APIService", Status: true},
	}
	for _, r := range atrest.All() {
		key := keyOf(r)
		kind, ok := types[schema.GroupResource{Group: key.Group, Resource: key.Resource}]
		if !ok {
			continue
		}
		all = append(all, manifests.Resource{
			Group: key.Group, Version: kind.Version, Resource: key.Resource, Kind: kind.Kind,
			Namespaced: !slices.Contains(clusterScoped, key.Resource), Status: typeHasStatus(kind),
		})
	}
	return all
}

// typeHasStatus reports whether a kind of Kubernetes' own has a status: then the API server has a subresource for it.
func typeHasStatus(kind schema.GroupVersionKind) bool {
	t, ok := scheme.Scheme.AllKnownTypes()[kind]
	if !ok || t.Kind() != reflect.Struct {
		return false
	}
	_, ok = t.FieldByName("Status")
	return ok
}

// clusterScoped are those of Kubernetes' own resources that belong to no namespace.
var clusterScoped = strings.Fields(`
	certificatesigningrequests clusterrolebindings clusterroles clustertrustbundles csidrivers csinodes deviceclasses
	devicetaintrules flowschemas ingressclasses ipaddresses mutatingadmissionpolicies mutatingadmissionpolicybindings
	mutatingwebhookconfigurations namespaces nodes persistentvolumes podsecuritypolicies priorityclasses
	prioritylevelconfigurations resourcepoolstatusrequests resourceslices runtimeclasses servicecidrs storageclasses
	storageversionmigrations storageversions validatingadmissionpolicies validatingadmissionpolicybindings
	validatingwebhookconfigurations volumeattachments volumeattributesclasses`)
