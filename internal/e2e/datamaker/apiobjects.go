package datamaker

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// content is JSON.
type content = map[string]any

// apiKind is one kind of object that FillAPI creates: how many of a hundred are of it, and what is in one.
type apiKind struct {
	share    int
	resource schema.GroupVersionResource
	kind     string
	content  func(draft) content
}

// widgetGroup is that of the one custom resource.
const widgetGroup = "datamaker.example.com"

func v1(group, resource string) schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: group, Version: "v1", Resource: resource}
}

func apiKinds() []apiKind {
	return []apiKind{
		{35, v1("", "configmaps"), "ConfigMap", func(d draft) content {
			return content{"data": content{"settings.conf": some(d.r, d.text.prose, d.size)}}
		}},
		{20, v1("", "secrets"), "Secret", func(d draft) content {
			token := base64.StdEncoding.EncodeToString([]byte(some(d.r, d.text.noise, d.size)))
			return content{"type": "Opaque", "data": content{"token": token}}
		}},
		{10, v1("", "serviceaccounts"), "ServiceAccount", func(draft) content { return content{} }},
		{10, v1("rbac.authorization.k8s.io", "roles"), "Role", func(draft) content {
			rule := content{"apiGroups": []any{""}, "resources": []any{"pods"}, "verbs": []any{"get", "list"}}
			return content{"rules": []any{rule}}
		}},
		{10, v1("apps", "deployments"), "Deployment", func(d draft) content { return content{"spec": stopped(d)} }},
		{15, v1(widgetGroup, "widgets"), "Widget", func(d draft) content {
			return content{"spec": content{"text": some(d.r, d.text.prose, d.size), "size": int64(d.size)}}
		}},
	}
}

// stopped is a Deployment without replicas, so that nothing has to run.
func stopped(d draft) content {
	labels := content{"app": "stopped"}
	env := content{"name": "SETTING", "value": some(d.r, d.text.prose, d.size)}
	return content{
		"replicas": int64(0),
		"selector": content{"matchLabels": labels},
		"template": content{
			"metadata": content{"labels": labels},
			"spec": content{"containers": []any{
				content{"name": "app", "image": "registry.example.com/app:1.0.0", "env": []any{env}},
			}},
		},
	}
}

// namespace holds the objects from i on.
func namespace(i int) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: content{
		"apiVersion": "v1", "kind": "Namespace", "metadata": content{"name": namespaceOf(i)},
	}}
}

func namespaceOf(i int) string { return fmt.Sprintf("data-%d", i/namespaceObjects) }

// widget defines the custom resource.
func widget() *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: content{
		"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
		"metadata": content{"name": "widgets." + widgetGroup},
		"spec": content{
			"group": widgetGroup, "scope": "Namespaced",
			"names": content{"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList"},
			"versions": []any{content{
				"name": "v1", "served": true, "storage": true,
				"schema": content{"openAPIV3Schema": content{
					"type": "object",
					"properties": content{"spec": content{
						"type":       "object",
						"properties": content{"text": content{"type": "string"}, "size": content{"type": "integer"}},
					}},
				}},
			}},
		},
	}}
}

// apiMaker makes the objects. What it makes of a number is the same each time.
type apiMaker struct {
	text  text
	kinds [100]apiKind
}

func newAPIMaker() *apiMaker {
	m := &apiMaker{text: newText(rand.New(rand.NewPCG(0, 0)))}
	at := 0
	for _, k := range apiKinds() {
		for range k.share {
			m.kinds[at] = k
			at++
		}
	}
	return m
}

func (m *apiMaker) object(i int) (schema.GroupVersionResource, *unstructured.Unstructured) {
	r := rand.New(rand.NewPCG(0, uint64(i)))
	k := m.kinds[r.IntN(len(m.kinds))]
	o := k.content(draft{r, m.text, 200 + r.IntN(4<<10)})
	o["apiVersion"], o["kind"] = k.resource.GroupVersion().String(), k.kind
	o["metadata"] = content{"namespace": namespaceOf(i), "name": fmt.Sprintf("app-%d", i)}
	return k.resource, &unstructured.Unstructured{Object: o}
}
