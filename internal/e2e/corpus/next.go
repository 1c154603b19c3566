package corpus

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// stopServing has a definition serve none of its versions, and waits until its group is gone from discovery.
func (l *loader) stopServing(ctx context.Context, definition Object) error {
	o, err := l.at(definition).Get(ctx, definition.Name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	versions, _, err := unstructured.NestedSlice(o.Object, "spec", "versions")
	if err != nil {
		return err
	}
	for _, v := range versions {
		v.(map[string]any)["served"] = false
	}
	if err := unstructured.SetNestedSlice(o.Object, versions, "spec", "versions"); err != nil {
		return err
	}
	if _, err = l.at(definition).Update(ctx, o, metav1.UpdateOptions{FieldManager: writer}); err != nil {
		return err
	}
	spec := o.Object["spec"].(map[string]any)
	resource := schema.GroupVersionResource{
		Group: spec["group"].(string), Version: versions[0].(map[string]any)["name"].(string),
		Resource: spec["names"].(map[string]any)["plural"].(string),
	}
	return until(ctx, func(ctx context.Context) error {
		_, err := l.client.Resource(resource).List(ctx, metav1.ListOptions{Limit: 1})
		if err == nil {
			return notYet{fmt.Errorf("%v is still served", resource)}
		} else if apierrors.IsNotFound(err) {
			return nil
		}
		return err
	})
}

// delete deletes objects, which stay as long as their finalizers do.
func (l *loader) delete(ctx context.Context, objects []Object) error {
	for _, o := range objects {
		if err := l.at(o).Delete(ctx, o.Name, metav1.DeleteOptions{}); err != nil {
			return err
		}
	}
	return nil
}

// finish ends the pod of a Job as a kubelet would, and waits until the Job is complete.
func (l *loader) finish(ctx context.Context, namespace, job string) error {
	pods := l.client.Resource(core("pods")).Namespace(namespace)
	jobs := l.client.Resource(schema.GroupVersionResource{Group: "batch", Version: "v1", Resource: "jobs"}).Namespace(namespace)
	return until(ctx, func(ctx context.Context) error {
		list, err := pods.List(ctx, metav1.ListOptions{LabelSelector: "batch.kubernetes.io/job-name=" + job})
		if err != nil {
			return err
		}
		for _, pod := range list.Items {
			if phase, _, _ := unstructured.NestedString(pod.Object, "status", "phase"); phase == "Succeeded" {
				continue
			}
			if err := unstructured.SetNestedField(pod.Object, "Succeeded", "status", "phase"); err != nil {
				return err
			}
			_, err := pods.UpdateStatus(ctx, &pod, metav1.UpdateOptions{FieldManager: "kubelet"})
			if apierrors.IsConflict(err) {
				return notYet{err}
			} else if err != nil {
				return err
			}
		}
		o, err := jobs.Get(ctx, job, metav1.GetOptions{})
		if err == nil && !has(o, "Complete", "True") {
			return notYet{fmt.Errorf("job %s is not complete", job)}
		}
		return err
	})
}
