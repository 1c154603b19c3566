package corpus

import (
	"context"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func (l *loader) settle(ctx context.Context, objects []Object) error {
	for _, o := range objects {
		err := until(ctx, func(ctx context.Context) error { return l.settled(ctx, o) })
		if err != nil {
			return fmt.Errorf("wait until controllers have seen %s %s/%s: %w", o.Resource.Resource, o.Namespace, o.Name, err)
		}
	}
	return nil
}

// settled says notYet until the controllers have done with the object what shows in it or beside it.
func (l *loader) settled(ctx context.Context, o Object) error {
	live, err := l.at(o).Get(ctx, o.Name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	switch o.Resource.GroupResource().String() {
	case "statefulsets.apps":
		return l.hasClaims(ctx, live)
	case "persistentvolumes":
		return l.isBound(ctx, live)
	case "namespaces":
		return l.hasDefaults(ctx, o.Name)
	}
	if !shows(o.Resource.GroupResource().String(), live) {
		return notYet{fmt.Errorf("status %v", live.Object["status"])}
	}
	return nil
}

// shows says whether it can be seen in the object itself that the controllers have been there.
func shows(resource string, live *unstructured.Unstructured) bool {
	switch resource {
	case "deployments.apps", "replicasets.apps", "daemonsets.apps", "replicationcontrollers", "poddisruptionbudgets.policy":
		seen, _, _ := unstructured.NestedInt64(live.Object, "status", "observedGeneration")
		return seen == live.GetGeneration()
	case "jobs.batch":
		_, started, _ := unstructured.NestedFieldNoCopy(live.Object, "status", "uncountedTerminatedPods")
		return started || has(live, "Suspended", "True") || has(live, "Complete", "True")
	case "secrets":
		_, filled, _ := unstructured.NestedString(live.Object, "data", "token")
		return filled || live.Object["type"] != "kubernetes.io/service-account-token"
	case "clusterroles.rbac.authorization.k8s.io":
		return live.Object["aggregationRule"] == nil || live.Object["rules"] != nil
	case "customresourcedefinitions.apiextensions.k8s.io":
		return has(live, "Established", "True")
	case "apiservices.apiregistration.k8s.io":
		return live.Object["status"] != nil
	case "resourcequotas":
		_, counted, _ := unstructured.NestedFieldNoCopy(live.Object, "status", "hard")
		return counted
	case "servicecidrs.networking.k8s.io":
		return has(live, "Ready", "True") && len(live.GetFinalizers()) > 0
	}
	return true
}

// has says whether the object has a condition.
func has(o *unstructured.Unstructured, name, status string) bool {
	conditions, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
	for _, c := range conditions {
		if c, ok := c.(map[string]any); ok && c["type"] == name && c["status"] == status {
			return true
		}
	}
	return false
}

// hasClaims says notYet until the claims of a StatefulSet's pods are there.
func (l *loader) hasClaims(ctx context.Context, set *unstructured.Unstructured) error {
	replicas, _, _ := unstructured.NestedInt64(set.Object, "spec", "replicas")
	templates, _, _ := unstructured.NestedSlice(set.Object, "spec", "volumeClaimTemplates")
	list, err := l.client.Resource(core("persistentvolumeclaims")).Namespace(set.GetNamespace()).List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	found := 0
	for _, claim := range list.Items {
		if strings.Contains(claim.GetName(), "-"+set.GetName()+"-") {
			found++
		}
	}
	if want := int(replicas) * len(templates); found < want {
		return notYet{fmt.Errorf("%d of %d claims", found, want)}
	}
	return nil
}

// isBound says notYet until a volume and the claim that it names are bound to each other.
func (l *loader) isBound(ctx context.Context, volume *unstructured.Unstructured) error {
	claim, claimed, _ := unstructured.NestedStringMap(volume.Object, "spec", "claimRef")
	if !claimed {
		return nil
	}
	live, err := l.client.Resource(core("persistentvolumeclaims")).Namespace(claim["namespace"]).
		Get(ctx, claim["name"], metav1.GetOptions{})
	if err != nil {
		return err
	}
	if phase, _, _ := unstructured.NestedString(live.Object, "status", "phase"); phase != "Bound" {
		return notYet{fmt.Errorf("its claim is %s", phase)}
	}
	return nil
}

// hasDefaults says notYet until a namespace has what each gets.
func (l *loader) hasDefaults(ctx context.Context, namespace string) error {
	for _, o := range []Object{
		{core("serviceaccounts"), namespace, "default"},
		{core("configmaps"), namespace, "kube-root-ca.crt"},
	} {
		_, err := l.at(o).Get(ctx, o.Name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return notYet{err}
		} else if err != nil {
			return err
		}
	}
	return nil
}

func core(resource string) schema.GroupVersionResource {
	return schema.GroupVersionResource{Version: "v1", Resource: resource}
}
