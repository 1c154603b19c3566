package corpus

import (
	"context"
	"errors"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
)

// writer is the name under which the objects' fields are managed.
const writer = "corpus"

// provisioned is the class whose volumes are made at once.
const provisioned = "corpus-disk"

func (l *loader) create(ctx context.Context, objects []*unstructured.Unstructured) ([]Object, error) {
	var made []Object
	for _, o := range objects {
		m, err := l.createOne(ctx, o.DeepCopy())
		if err != nil {
			return nil, fmt.Errorf("create %s %s/%s: %w", o.GetKind(), o.GetNamespace(), o.GetName(), err)
		}
		made = append(made, m)
	}
	return made, nil
}

func (l *loader) createOne(ctx context.Context, o *unstructured.Unstructured) (Object, error) {
	k, err := l.kind(ctx, o.GroupVersionKind())
	if err != nil {
		return Object{}, err
	}
	if err := l.resolveOwners(ctx, o); err != nil {
		return Object{}, err
	}
	m := Object{k.resource, o.GetNamespace(), o.GetName()}
	var created *unstructured.Unstructured
	err = until(ctx, func(ctx context.Context) error {
		var err error
		created, err = l.at(m).Create(ctx, o, metav1.CreateOptions{FieldManager: writer})
		if early(err) {
			return notYet{err}
		}
		return err
	})
	if status, ok := o.Object["status"]; err == nil && ok && k.status {
		created.Object["status"] = status
		_, err = l.at(m).UpdateStatus(ctx, created, metav1.UpdateOptions{FieldManager: writer})
	}
	if err == nil && o.GetKind() == "PersistentVolumeClaim" {
		err = l.requested(ctx, m)
	}
	return m, err
}

// requested waits until a provisioner is asked for the volume of a claim that gets one at once, since no provisioner makes
// it before.
func (l *loader) requested(ctx context.Context, claim Object) error {
	return until(ctx, func(ctx context.Context) error {
		o, err := l.at(claim).Get(ctx, claim.Name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		class, _, _ := unstructured.NestedString(o.Object, "spec", "storageClassName")
		if class == provisioned && o.GetAnnotations()["volume.kubernetes.io/storage-provisioner"] == "" {
			return notYet{errors.New("nobody is asked to provision its volume")}
		}
		return nil
	})
}

// early says that something is not there yet: a namespace, the custom resource, a Pod's service account or priority.
func early(err error) bool { return apierrors.IsNotFound(err) || apierrors.IsForbidden(err) }

// at is where the object is.
func (l *loader) at(o Object) dynamic.ResourceInterface {
	all := l.client.Resource(o.Resource)
	if o.Namespace == "" {
		return all
	}
	return all.Namespace(o.Namespace)
}

// kind waits until the kind is served. It asks for one version of one group, because what the others' servers say is of no
// matter here.
func (l *loader) kind(ctx context.Context, want schema.GroupVersionKind) (kind, error) {
	if k, ok := l.served[want]; ok {
		return k, nil
	}
	var found kind
	err := until(ctx, func(ctx context.Context) error {
		list, err := l.discovery.ServerResourcesForGroupVersion(want.GroupVersion().String())
		if apierrors.IsNotFound(err) {
			return notYet{err}
		} else if err != nil {
			return err
		}
		for _, r := range list.APIResources {
			name, sub, _ := strings.Cut(r.Name, "/")
			switch {
			case sub == "" && r.Kind == want.Kind:
				found.resource, found.namespaced = want.GroupVersion().WithResource(name), r.Namespaced
			case sub == "status" && r.Kind == want.Kind:
				found.status = true
			}
		}
		if found.resource.Resource == "" {
			return notYet{fmt.Errorf("%v is not served", want)}
		}
		return nil
	})
	if err == nil {
		l.served[want] = found
	}
	return found, err
}

// resolveOwners fills in the uids of owners.
func (l *loader) resolveOwners(ctx context.Context, o *unstructured.Unstructured) error {
	owners := o.GetOwnerReferences()
	for i, owner := range owners {
		if owner.UID != "" {
			continue
		}
		uid, err := l.uid(ctx, owner, o.GetNamespace())
		if err != nil {
			return err
		}
		owners[i].UID = uid
	}
	if owners != nil {
		o.SetOwnerReferences(owners)
	}
	return nil
}

func (l *loader) uid(ctx context.Context, owner metav1.OwnerReference, namespace string) (types.UID, error) {
	k, err := l.kind(ctx, schema.FromAPIVersionAndKind(owner.APIVersion, owner.Kind))
	if err != nil {
		return "", err
	}
	at := Object{k.resource, "", owner.Name}
	if k.namespaced {
		at.Namespace = namespace
	}
	found, err := l.at(at).Get(ctx, owner.Name, metav1.GetOptions{})
	if err != nil {
		return "", fmt.Errorf("find owner: %w", err)
	}
	return found.GetUID(), nil
}
