package api

import (
	"context"
	"fmt"
	"strings"

	authorization "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
)

var reviews = schema.GroupVersionResource{
	Group: "authorization.k8s.io", Version: "v1", Resource: "selfsubjectaccessreviews",
}

// May asks the server whether the one who asks has a right. The namespace is "" for all of them. A subresource is named as in a
// role, such as pods/exec.
func May(ctx context.Context, in dynamic.Interface, verb string, at schema.GroupResource, namespace string) (bool, error) {
	resource, subresource, _ := strings.Cut(at.Resource, "/")
	review, err := To(&authorization.SelfSubjectAccessReview{
		Spec: authorization.SelfSubjectAccessReviewSpec{ResourceAttributes: &authorization.ResourceAttributes{
			Namespace: namespace, Verb: verb, Group: at.Group, Resource: resource, Subresource: subresource,
		}},
	}, reviews, "SelfSubjectAccessReview")
	if err != nil {
		return false, err
	}
	answer, err := in.Resource(reviews).Create(ctx, review, metav1.CreateOptions{})
	if err != nil {
		return false, fmt.Errorf("ask for the right to %s %s: %w", verb, at, err)
	}
	said, err := From[authorization.SelfSubjectAccessReview](answer)
	if err != nil {
		return false, err
	}
	return said.Status.Allowed, nil
}
