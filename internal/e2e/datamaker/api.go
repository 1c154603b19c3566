package datamaker

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
)

const (
	namespaceObjects = 200 // in one namespace
	apiInFlight      = 32  // requests
)

// FillAPI creates n objects of mixed kinds through an API server, in namespaces data-0, data-1 and so on, each
// with 200 of them, and says how many there are of each resource. Beside these it creates the namespaces and one
// CustomResourceDefinition. Controllers add what they add to every namespace. The Deployments have no replicas, so
// nothing runs. The same n makes the same objects, and making them twice is an error.
//
// The client's own limits on requests (QPS, Burst) are not used: the server has its own. The config must
// have the rights of an administrator.
func FillAPI(ctx context.Context, config *rest.Config, n int) (map[schema.GroupVersionResource]int, error) {
	made, err := fillAPI(ctx, config, n)
	if err != nil {
		return nil, fmt.Errorf("fill API server: %w", err)
	}
	return made, nil
}

func fillAPI(ctx context.Context, config *rest.Config, n int) (map[schema.GroupVersionResource]int, error) {
	config = rest.CopyConfig(config)
	config.QPS = -1
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	if err := define(ctx, client); err != nil {
		return nil, err
	}
	err = parallel(ctx, apiInFlight, namespaceObjects, 0, n, func(ctx context.Context, from, _ int) error {
		_, err := client.Resource(v1("", "namespaces")).Create(ctx, namespace(from), metav1.CreateOptions{})
		return err
	})
	if err != nil {
		return nil, err
	}
	m := newAPIMaker()
	made := map[schema.GroupVersionResource]int{}
	for i := range n {
		resource, _ := m.object(i)
		made[resource]++
	}
	return made, parallel(ctx, apiInFlight, 1, 0, n, func(ctx context.Context, i, _ int) error {
		resource, object := m.object(i)
		_, err := client.Resource(resource).Namespace(object.GetNamespace()).Create(ctx, object, metav1.CreateOptions{})
		return err
	})
}

// define creates the custom resource and waits until it is served. The condition Established comes a moment before
// that, so it is the list that is asked.
func define(ctx context.Context, client dynamic.Interface) error {
	if _, err := client.Resource(v1("apiextensions.k8s.io", "customresourcedefinitions")).Create(ctx, widget(), metav1.CreateOptions{}); err != nil {
		return err
	}
	for {
		_, err := client.Resource(v1(widgetGroup, "widgets")).List(ctx, metav1.ListOptions{Limit: 1})
		if !apierrors.IsNotFound(err) {
			return err
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", widget().GetName(), context.Cause(ctx))
		}
	}
}
