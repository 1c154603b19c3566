package volsnap

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"k8s.io/client-go/rest"
)

// server is an API server of snapshots without controllers. It makes what a real one won't make when a test wants it: watches
// that are behind, and answers that come too late. See internal/e2e/voltakes for the real one.
type server struct {
	mu       sync.Mutex
	objects  map[string]map[string]any // by path below the version
	version  int
	watchers map[chan string]string // by resource
	silent   bool                   // watches tell nothing
	pods     []any

	// What the server calls with its lock, after an object was made, patched and deleted, if there is something to call.
	created, deleted func(s *server, path string)
	patched          func(path string, patch []byte)
	// answer is called before a create is answered.
	answer func(r *http.Request)
}

const versionPath = "/apis/snapshot.storage.k8s.io/v1/"

// cluster starts the server.
func (s *server) cluster(t *testing.T) *Cluster {
	t.Helper()
	s.objects, s.watchers = map[string]map[string]any{}, map[chan string]string{}
	at := httptest.NewServer(s)
	t.Cleanup(at.Close)
	c, err := NewCluster(&rest.Config{Host: at.URL})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// put stores an object and tells of it.
func (s *server) put(path string, object map[string]any) {
	s.version++
	kind := "ADDED"
	if s.objects[path] != nil {
		kind = "MODIFIED"
	}
	meta, _ := object["metadata"].(map[string]any)
	meta["resourceVersion"] = fmt.Sprint(s.version)
	s.objects[path] = object
	s.tell(kind, path, object)
}

func (s *server) tell(kind, path string, object map[string]any) {
	if s.silent {
		return
	}
	text, _ := json.Marshal(map[string]any{"type": kind, "object": object})
	for watcher, resource := range s.watchers {
		if resource == resourceOf(path) {
			watcher <- string(text)
		}
	}
}

// resourceOf is the resource of a path such as namespaces/shop/volumesnapshots/name.
func resourceOf(path string) string {
	for _, part := range strings.Split(path, "/") {
		if strings.HasPrefix(part, "volumesnapshot") {
			return part
		}
	}
	return ""
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.Path, versionPath)
	resource := resourceOf(path)
	w.Header().Set("Content-Type", "application/json")
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case strings.HasSuffix(path, "/pods"):
		write(w, map[string]any{"apiVersion": "v1", "kind": "PodList", "metadata": map[string]any{}, "items": s.pods})
	case r.Method == http.MethodGet && r.URL.Query().Get("watch") != "":
		s.watch(w, r, resource)
	case r.Method == http.MethodGet && strings.HasSuffix(path, resource):
		s.list(w, path)
	case r.Method == http.MethodPost:
		s.create(w, r, path)
	case s.objects[path] == nil:
		fail(w, http.StatusNotFound)
	case r.Method == http.MethodDelete:
		object := s.objects[path]
		delete(s.objects, path)
		s.tell("DELETED", path, object)
		if s.deleted != nil {
			s.deleted(s, path)
		}
		write(w, object)
	case r.Method == http.MethodPatch:
		patch, _ := io.ReadAll(r.Body)
		if s.patched != nil {
			s.patched(path, patch)
		}
		write(w, s.objects[path])
	default:
		write(w, s.objects[path])
	}
}

func (s *server) list(w http.ResponseWriter, path string) {
	items := []any{}
	for at, object := range s.objects {
		if resourceOf(at) == resourceOf(path) {
			items = append(items, object)
		}
	}
	write(w, map[string]any{
		"apiVersion": "snapshot.storage.k8s.io/v1", "kind": "List",
		"metadata": map[string]any{"resourceVersion": fmt.Sprint(s.version)}, "items": items,
	})
}

func (s *server) create(w http.ResponseWriter, r *http.Request, path string) {
	var object map[string]any
	if err := json.NewDecoder(r.Body).Decode(&object); err != nil {
		fail(w, http.StatusBadRequest)
		return
	}
	meta := object["metadata"].(map[string]any)
	name := meta["name"].(string)
	meta["namespace"], meta["uid"] = "shop", "uid-of-"+name
	s.put(path+"/"+name, object)
	if s.created != nil {
		s.created(s, name)
	}
	if s.answer != nil {
		s.mu.Unlock()
		s.answer(r)
		s.mu.Lock()
	}
	write(w, object)
}

// watch tells of what is put and deleted from now on, until the client goes.
func (s *server) watch(w http.ResponseWriter, r *http.Request, resource string) {
	events := make(chan string, 100)
	s.watchers[events] = resource
	since, _ := strconv.Atoi(r.URL.Query().Get("resourceVersion"))
	for path, object := range s.objects {
		version, _ := strconv.Atoi(object["metadata"].(map[string]any)["resourceVersion"].(string))
		if resourceOf(path) == resource && version > since {
			s.tell("ADDED", path, object)
		}
	}
	w.WriteHeader(http.StatusOK)
	w.(http.Flusher).Flush()
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.watchers, events)
	}()
	for {
		select {
		case text := <-events:
			fmt.Fprintln(w, text)
			w.(http.Flusher).Flush()
		case <-r.Context().Done():
			return
		}
	}
}

func write(w http.ResponseWriter, object any) { _ = json.NewEncoder(w).Encode(object) }

func fail(w http.ResponseWriter, code int) {
	w.WriteHeader(code)
	write(w, map[string]any{
		"apiVersion": "v1", "kind": "Status", "status": "Failure", "code": code, "message": "no",
		"reason": map[int]string{http.StatusNotFound: "NotFound", http.StatusForbidden: "Forbidden"}[code],
	})
}

// cut makes of a snapshot what controllers would, with a content of a driver.
func (s *server) cut(name, driver string, ready bool) {
	at := "namespaces/shop/volumesnapshots/" + name
	snapshot := s.objects[at]
	content := "snapcontent-uid-of-" + name
	s.put("volumesnapshotcontents/"+content, map[string]any{
		"apiVersion": "snapshot.storage.k8s.io/v1", "kind": "VolumeSnapshotContent",
		"metadata": map[string]any{"name": content, "uid": "content-of-" + name},
		"spec": map[string]any{
			"driver": driver, "deletionPolicy": "Delete", "source": map[string]any{"volumeHandle": "volume"},
			"volumeSnapshotRef": map[string]any{"namespace": "shop", "name": name, "uid": "uid-of-" + name},
		},
		"status": map[string]any{"snapshotHandle": "handle-of-" + name, "creationTime": 1700000000000000000, "readyToUse": ready},
	})
	more := map[string]any{}
	for k, v := range snapshot {
		more[k] = v
	}
	more["status"] = map[string]any{
		"boundVolumeSnapshotContentName": content, "creationTime": "2023-11-14T22:13:20Z", "readyToUse": ready,
	}
	s.put(at, more)
}
