package dumps

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/clustersnap/clustersnap/manifests"
)

// api asks an API server with as little as possible between it and the test.
type api struct {
	client *http.Client
	host   string
}

func newAPI(t testing.TB, config *rest.Config) api {
	t.Helper()
	client, err := rest.HTTPClientFor(config)
	must(t, err)
	return api{client, config.Host}
}

// open gives the body of an answer that is OK.
func (a api) open(ctx context.Context, r manifests.Resource, query url.Values) (io.ReadCloser, error) {
	path := "/apis/" + r.Group + "/" + r.Version
	if r.Group == "" {
		path = "/api/" + r.Version
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, a.host+path+"/"+r.Resource+"?"+query.Encode(), nil)
	if err != nil {
		return nil, err
	}
	response, err := a.client.Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		defer response.Body.Close()
		text, _ := io.ReadAll(response.Body)
		return nil, fmt.Errorf("get %s: %s: %s", request.URL, response.Status, text)
	}
	return response.Body, nil
}

// create creates an object, as JSON, and has no more of it sent back than its metadata. It tries again if etcd does not keep up.
func (a api) create(ctx context.Context, path, object string) error {
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, a.host+path, strings.NewReader(object))
		if err != nil {
			return err
		}
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Accept", "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1")
		response, err := a.client.Do(request)
		if err != nil {
			return err
		}
		text, err := io.ReadAll(response.Body)
		response.Body.Close()
		switch code := response.StatusCode; {
		case err != nil:
			return err
		case code == http.StatusCreated, code == http.StatusConflict: // the try before was not in vain
			return nil
		case code < http.StatusInternalServerError:
			return fmt.Errorf("post %s: %s: %s", path, response.Status, text)
		}
	}
}

// state are the objects of the cluster at some moment.
type state map[manifests.Key]manifests.Entry

// put adds an object, as JSON.
func (s state) put(r manifests.Resource, raw []byte) error {
	object, err := manifests.Canonical(raw, r, manifests.Faithful)
	if err == nil {
		s[object.Key] = object.Entry
	}
	return err
}

// list adds all objects of a resource as they are now, and gives the resource version.
func (a api) list(ctx context.Context, r manifests.Resource, into state) (string, error) {
	body, err := a.open(ctx, r, nil)
	if err != nil {
		return "", err
	}
	defer body.Close()
	var list struct {
		Metadata metav1.ListMeta
		Items    []json.RawMessage
	}
	if err := json.NewDecoder(body).Decode(&list); err != nil {
		return "", err
	}
	for _, raw := range list.Items {
		if err := into.put(r, raw); err != nil {
			return "", err
		}
	}
	return list.Metadata.ResourceVersion, nil
}

// replay makes in a state the changes that a watch shows, from a resource version up to another one. A consistent list has
// the server know all of them before the watch begins, which then shows them first; it ends after some seconds.
func (a api) replay(ctx context.Context, t testing.TB, r manifests.Resource, from string, until uint64, into state) error {
	now, err := a.list(ctx, r, state{})
	if err != nil {
		return err
	}
	if number(t, now) < until {
		return fmt.Errorf("list %s: it is of %s, before %d", r, now, until)
	}
	body, err := a.open(ctx, r, url.Values{"watch": {"true"}, "resourceVersion": {from}, "timeoutSeconds": {"5"}})
	if err != nil {
		return err
	}
	defer body.Close()
	for events := json.NewDecoder(body); ; {
		var event metav1.WatchEvent
		switch err := events.Decode(&event); {
		case err == io.EOF:
			return nil
		case err != nil:
			return fmt.Errorf("watch %s: %w", r, err)
		}
		if err := into.change(t, r, event, until); err != nil {
			return fmt.Errorf("watch %s: %w", r, err)
		}
	}
}

// change makes the change of one event, if it is not later than until.
func (s state) change(t testing.TB, r manifests.Resource, event metav1.WatchEvent, until uint64) error {
	var object metav1.PartialObjectMetadata
	if err := json.Unmarshal(event.Object.Raw, &object); err != nil {
		return err
	}
	if number(t, object.ResourceVersion) > until {
		return nil
	}
	switch event.Type {
	case "ADDED", "MODIFIED":
		return s.put(r, event.Object.Raw)
	case "DELETED":
		delete(s, manifests.Key{Group: r.Group, Resource: r.Resource, Namespace: object.Namespace, Name: object.Name})
		return nil
	default:
		return fmt.Errorf("event %s: %s", event.Type, event.Object.Raw)
	}
}
