package apply

import (
	"slices"
	"strings"
	"testing"

	"github.com/clustersnap/clustersnap/manifests"
)

// TestOrder holds that what is named comes before what names it.
func TestOrder(t *testing.T) {
	order := strings.Fields(`customresourcedefinitions.apiextensions.k8s.io namespaces storageclasses.storage.k8s.io
		serviceaccounts
		secrets persistentvolumes persistentvolumeclaims endpoints deployments.apps horizontalpodautoscalers.autoscaling
		gateways.gateway.networking.k8s.io resourcequotas validatingwebhookconfigurations.admissionregistration.k8s.io`)
	for i, text := range order {
		if got := stageOf(key(text)); got != i {
			t.Errorf("%s is at stage %d, want %d", text, got, i)
		}
	}
	for _, pair := range strings.Fields(`roles.rbac.authorization.k8s.io<rolebindings.rbac.authorization.k8s.io
		clusterroles.rbac.authorization.k8s.io<clusterrolebindings.rbac.authorization.k8s.io services<endpoints
		services<endpointslices.discovery.k8s.io serviceaccounts<pods configmaps<jobs.batch persistentvolumeclaims<statefulsets.apps
		priorityclasses.scheduling.k8s.io<pods services<apiservices.apiregistration.k8s.io things.example.com<resourcequotas
		limitranges<pods ingressclasses.networking.k8s.io<ingresses.networking.k8s.io deployments.apps<carts.shop.example.com
		volumesnapshotclasses.snapshot.storage.k8s.io<mutatingwebhookconfigurations.admissionregistration.k8s.io
		validatingadmissionpolicies.admissionregistration.k8s.io<nothing`) {
		before, after, _ := strings.Cut(pair, "<")
		if after != "nothing" && stageOf(key(before)) >= stageOf(key(after)) {
			t.Errorf("%s does not come before %s", before, after)
		}
	}
	if stageOf(key("leases.coordination.k8s.io")) != workloads || stageOf(key("leases.example.com")) != custom {
		t.Error("Kubernetes' own groups are not told from others")
	}
}

func key(text string) manifests.Key {
	resource, group, _ := strings.Cut(text, ".")
	return manifests.Key{Group: group, Resource: resource}
}

func TestEachKindHasOneStage(t *testing.T) {
	seen := map[groupResource]int{}
	for i, kinds := range stages {
		for _, kind := range kinds {
			if other, ok := seen[kind]; ok {
				t.Errorf("%v is at stage %d and %d", kind, other, i)
			}
			seen[kind] = i
		}
	}
	if len(stages[workloads]) != 0 || len(stages[custom]) != 0 {
		t.Error("the stages of what no stage names have names")
	}
	if !slices.Contains(stages[0], ofDefinitions) {
		t.Error("definitions are not first")
	}
}
