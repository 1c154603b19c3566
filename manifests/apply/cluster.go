package apply

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/clustersnap/clustersnap/manifests"
)

// manager is who the server takes for the author of what is brought back.
const manager = "clustersnap"

// requestLimit ends a request that has no answer. The server itself ends one after a minute.
const requestLimit = 90 * time.Second

// Cluster is where objects are brought back to. Its methods may be called at once.
type Cluster struct {
	kinds  *manifests.Cluster
	client dynamic.Interface
	plain  rest.Interface // for what is no object
}

// NewCluster makes a cluster of what a kubeconfig or a service account gives. It does not connect.
//
// The limits of config on requests per second (QPS, Burst, RateLimiter) are not used: [Options].Parallel bounds what is in
// flight, and the server has limits of its own (429), which are obeyed. A zero Timeout, for one request, is 90 seconds here.
func NewCluster(config *rest.Config) (*Cluster, error) {
	kinds, err := manifests.NewCluster(config)
	if err != nil {
		return nil, err
	}
	config = rest.CopyConfig(config)
	config.QPS, config.RateLimiter = -1, nil
	config.WarningHandler = rest.NoWarnings{} // what a server warns of is an error here: see the field validation below
	if config.Timeout == 0 {
		config.Timeout = requestLimit
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("connect to cluster: %w", err)
	}
	config.NegotiatedSerializer = serializer.NewCodecFactory(runtime.NewScheme())
	plain, err := rest.UnversionedRESTClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("connect to cluster: %w", err)
	}
	return &Cluster{kinds: kinds, client: client, plain: plain}, nil
}

// groups gives the versions of each group that is served, the preferred one first.
func (c *Cluster) groups(ctx context.Context) (map[string][]string, error) {
	raw, err := c.plain.Get().AbsPath("/apis").SetHeader("Accept", "application/json").Do(ctx).Raw()
	if err != nil {
		return nil, err
	}
	var list metav1.APIGroupList
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, err
	}
	versions := map[string][]string{}
	for _, g := range list.Groups {
		versions[g.Name] = []string{g.PreferredVersion.GroupVersion}
		for _, v := range g.Versions {
			if v.GroupVersion != g.PreferredVersion.GroupVersion {
				versions[g.Name] = append(versions[g.Name], v.GroupVersion)
			}
		}
	}
	return versions, nil
}

// at is where a resource of a namespace is written and read.
func (c *Cluster) at(r manifests.Resource, namespace string) dynamic.ResourceInterface {
	all := c.client.Resource(schema.GroupVersionResource{Group: r.Group, Version: r.Version, Resource: r.Resource})
	if namespace == "" {
		return all
	}
	return all.Namespace(namespace)
}

func (c *Cluster) get(ctx context.Context, it *item) (*unstructured.Unstructured, error) {
	return c.at(it.resource, it.Key.Namespace).Get(ctx, it.Key.Name, metav1.GetOptions{})
}

// try says whether a write is one, or only asks what would become of it.
type try []string

var (
	dry    = try{metav1.DryRunAll}
	actual = try(nil)
)

// strict has the server refuse fields that it would else drop with a warning: what is not saved is not to be lost in silence.
const strict = metav1.FieldValidationStrict

func (c *Cluster) create(ctx context.Context, it *item, t try) error {
	_, err := c.at(it.resource, it.Key.Namespace).Create(ctx, &unstructured.Unstructured{Object: it.body},
		metav1.CreateOptions{DryRun: t, FieldManager: manager, FieldValidation: strict})
	return err
}

// apply sets the saved fields of an object that is there, if it still is as live. With forced it takes fields over; else only
// those that this package has written before.
func (c *Cluster) apply(
	ctx context.Context, it *item, live *unstructured.Unstructured, t try, force ownership,
) (*unstructured.Unstructured, error) {
	raw, err := json.Marshal(as(it.body, live))
	if err != nil {
		return nil, err
	}
	patch := func(force bool) (*unstructured.Unstructured, error) {
		return c.at(it.resource, it.Key.Namespace).Patch(ctx, it.Key.Name, types.ApplyPatchType, raw,
			metav1.PatchOptions{DryRun: t, FieldManager: manager, Force: &force})
	}
	made, err := patch(force == takeAll)
	// A create and an apply by one name are two managers to the server.
	if fields, others := conflicts(err); len(fields) > 0 && len(others) == 1 && others[0] == manager {
		return patch(true)
	}
	return made, err
}

// ownership says whether an apply takes over what others manage.
type ownership int

const (
	takeOwn ownership = iota
	takeAll
)

// as gives a body with the identity and version of a live object, by which the server refuses it once that is another.
func as(body map[string]any, live *unstructured.Unstructured) map[string]any {
	o := &unstructured.Unstructured{Object: make(map[string]any, len(body))}
	for key, v := range body {
		o.Object[key] = v
	}
	metadata, _ := body["metadata"].(map[string]any)
	copied := make(map[string]any, len(metadata)+2)
	for key, v := range metadata {
		copied[key] = v
	}
	o.Object["metadata"] = copied
	o.SetUID(live.GetUID())
	o.SetResourceVersion(live.GetResourceVersion())
	return o.Object
}

// replace writes the saved object in the place of live.
func (c *Cluster) replace(
	ctx context.Context, it *item, live *unstructured.Unstructured, t try,
) (*unstructured.Unstructured, error) {
	body, err := it.inPlaceOf(live)
	if err != nil {
		return nil, err
	}
	return c.at(it.resource, it.Key.Namespace).Update(ctx, &unstructured.Unstructured{Object: body},
		metav1.UpdateOptions{DryRun: t, FieldManager: manager, FieldValidation: strict})
}

// inPlaceOf gives the saved object with what the cluster itself has set in live.
func (it *item) inPlaceOf(live *unstructured.Unstructured) (map[string]any, error) {
	form, err := canonical(live.Object, it.resource, manifests.Portable)
	if err != nil {
		return nil, err
	}
	from, err := fields(form)
	if err != nil {
		return nil, err
	}
	if spec, ok := from["spec"].(map[string]any); ok && kindOf(it.Key) == ofClaims && text(it.body, "spec", "volumeName") == "" {
		delete(spec, "volumeName") // a claim that is bound stays so, whoever has bound it
	}
	body := live.DeepCopy().Object
	moveTo(body, from, it.body)
	return body, nil
}

// parallel does something with each of a list, several at once, until one fails.
func parallel[T any](ctx context.Context, limit int, list []T, do func(context.Context, T) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	room := make(chan struct{}, limit)
	var wait sync.WaitGroup
	for _, one := range list {
		room <- struct{}{}
		if ctx.Err() != nil {
			break
		}
		wait.Go(func() {
			defer func() { <-room }()
			if err := do(ctx, one); err != nil {
				cancel(err)
			}
		})
	}
	wait.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}
