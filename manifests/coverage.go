package manifests

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

var (
	apiServices = Resource{Group: "apiregistration.k8s.io", Version: "v1", Resource: "apiservices", Kind: "APIService"}
	definitions = Resource{
		Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions", Kind: "CustomResourceDefinition",
	}
	namespaces = Resource{Version: "v1", Resource: "namespaces", Kind: "Namespace"}
)

// condition is one of status.conditions.
type condition struct{ Type, Status, Reason, Message string }

// service is what is read of an APIService.
type service struct {
	Spec struct {
		Group, Version string
		Service        *struct{ Namespace, Name string } // nil where kube-apiserver itself serves the version
	}
	Status struct{ Conditions []condition }
}

// why says what is wrong with an APIService.
func (s service) why() string {
	for _, c := range s.Status.Conditions {
		if c.Type == "Available" && c.Status != "True" {
			return c.Reason + ": " + c.Message
		}
	}
	return "the server behind it does not answer"
}

// definition is what is read of a CustomResourceDefinition.
type definition struct {
	Metadata struct{ Name, DeletionTimestamp string }
	Spec     struct {
		Group    string
		Names    struct{ Plural, Kind string }
		Scope    string
		Versions []struct {
			Name   string
			Served bool
		}
	}
	Status struct{ Conditions []condition }
}

func (d definition) resource() Resource {
	r := Resource{
		Group: d.Spec.Group, Resource: d.Spec.Names.Plural, Kind: d.Spec.Names.Kind, Namespaced: d.Spec.Scope == "Namespaced",
	}
	if len(d.Spec.Versions) > 0 {
		r.Version = d.Spec.Versions[0].Name
	}
	return r
}

// why says why discovery does not show the resource.
func (d definition) why() string {
	for _, c := range d.Status.Conditions {
		if (c.Type == "NamesAccepted" || c.Type == "Established") && c.Status != "True" {
			return fmt.Sprintf("CustomResourceDefinition %s is not %s: %s: %s", d.Metadata.Name, c.Type, c.Reason, c.Message)
		}
	}
	served := false
	for _, v := range d.Spec.Versions {
		served = served || v.Served
	}
	switch {
	case !served:
		return fmt.Sprintf("CustomResourceDefinition %s has no version that is served", d.Metadata.Name)
	case d.Metadata.DeletionTimestamp != "":
		return fmt.Sprintf("CustomResourceDefinition %s is being deleted", d.Metadata.Name)
	default:
		return fmt.Sprintf("discovery does not show what CustomResourceDefinition %s defines: it may be new, dump again",
			d.Metadata.Name)
	}
}

// coverage is what lies behind the resources that discovery shows, and behind those that it does not.
type coverage struct {
	services    map[version]service
	definitions map[string]definition
	unread      string // why the definitions are not known
}

// cover reads APIServices and CustomResourceDefinitions. Without the right to read them less can be said, which is
// no error.
func (c *Cluster) cover(ctx context.Context, p pace) (*coverage, error) {
	known := &coverage{services: make(map[version]service), definitions: make(map[string]definition)}
	err := c.walk(ctx, p, apiServices, nil, func(raw []byte) error {
		var s service
		err := json.Unmarshal(raw, &s)
		known.services[version{s.Spec.Group, s.Spec.Version}] = s
		return err
	})
	if err != nil && !refused(err) {
		return nil, fmt.Errorf("list %s: %w", apiServices, err)
	}
	err = c.walk(ctx, p, definitions, nil, func(raw []byte) error {
		var d definition
		err := json.Unmarshal(raw, &d)
		known.definitions[d.Metadata.Name] = d
		return err
	})
	if err != nil && !refused(err) {
		return nil, fmt.Errorf("list %s: %w", definitions, err)
	}
	if err != nil {
		known.unread = sentence(err)
	}
	return known, nil
}

// refused reports whether the server understood and said no, or has no such resource.
func refused(err error) bool {
	return apierrors.IsForbidden(err) || apierrors.IsNotFound(err)
}

// walk reads all pages of a resource and gives each item to item, some of them twice if a connection breaks. query is for
// the first page.
func (c *Cluster) walk(ctx context.Context, p pace, r Resource, query url.Values, item func(raw []byte) error) error {
	return retry(ctx, func() error {
		q := url.Values{"limit": {"500"}}
		maps.Copy(q, query)
		for {
			meta, err := c.part(ctx, p, request{segments: r.segments(""), query: q}, item)
			if err != nil || meta.Continue == "" {
				return err
			}
			q = url.Values{"limit": {"500"}, "continue": {meta.Continue}}
		}
	})
}

// part reads a list, or one page of it.
func (c *Cluster) part(ctx context.Context, p pace, r request, item func(raw []byte) error) (listMeta, error) {
	response, err := c.send(ctx, p, r)
	if err != nil {
		return listMeta{}, err
	}
	defer response.Body.Close()
	return newSplitter(response.Body, nil).list(item)
}

// sentence makes one line of an error.
func sentence(err error) string {
	return strings.Join(strings.Fields(err.Error()), " ")
}
