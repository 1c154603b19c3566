package store

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// objects are what a server has, which does what it is told, and what after adds to it. It ignores If-None-Match, as many do.
type objects struct {
	mu    sync.Mutex
	has   map[string][]byte
	log   []string                  // METHOD NAME
	after func(request string) bool // false breaks the connection
}

func (o *objects) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	defer o.mu.Unlock()
	name := strings.TrimPrefix(r.URL.Path, "/b/f/")
	request := r.Method + " " + name
	body, _ := io.ReadAll(r.Body)
	content, there := o.has[name]
	switch {
	case isList(r):
		fmt.Fprint(w, emptyList)
		return
	case r.Method == http.MethodPut:
		o.has[name] = body
	case r.Method == http.MethodDelete:
		delete(o.has, name)
		w.WriteHeader(http.StatusNoContent)
	case !there:
		w.WriteHeader(http.StatusNotFound)
	default:
		http.ServeContent(w, r, name, pruneNow, strings.NewReader(string(content)))
	}
	o.log = append(o.log, request)
	if o.after != nil && !o.after(request) {
		panic(http.ErrAbortHandler)
	}
}

// commits has one set committed on a server.
func (o *objects) commits(t *testing.T, query string) (*Store, error) {
	t.Helper()
	o.has = map[string][]byte{}
	server := httptest.NewServer(o)
	t.Cleanup(server.Close)
	s := opened(t, "endpoint="+server.URL+query, time.Minute)
	_, err := put(t, s, "a.clustersnap", []byte("content"), Verified)
	return s, err
}

func (o *objects) names() (names []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for name := range o.has {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// A set that is deleted while it is read back, as it has no receipt yet, is not told as good.
func TestSweptWhileReadBack(t *testing.T) {
	o := &objects{}
	o.after = func(request string) bool {
		if request == "PUT a.clustersnap"+receiptExtension {
			delete(o.has, "a.clustersnap")
		}
		return true
	}
	_, err := o.commits(t, "")
	if err == nil || !strings.Contains(err.Error(), "somebody has deleted") {
		t.Errorf("commit: %v", err)
	}
	if got := o.names(); len(got) != 0 {
		t.Errorf("left are %v", got)
	}
}

// A set that another uploader has put in the place of one's own, and has committed, is that one's.
func TestAnotherUploader(t *testing.T) {
	o := &objects{}
	o.after = func(request string) bool {
		if request == "PUT a.clustersnap" {
			o.has["a.clustersnap"] = []byte("CONTENT")
			o.has["a.clustersnap"+receiptExtension] = []byte("{}")
		}
		return true
	}
	_, err := o.commits(t, "")
	if err == nil || !strings.Contains(err.Error(), "another upload") {
		t.Errorf("commit: %v", err)
	}
	if got := o.names(); len(got) != 2 {
		t.Errorf("left are %v", got)
	}
}

// The receipt is there, and the answer to it was lost: the set is committed, with a lock or without.
func TestReceiptWithoutAnswer(t *testing.T) {
	for _, query := range []string{"", "&object_lock=governance&retain_days=3"} {
		o := &objects{}
		o.after = func(request string) bool { return request != "PUT a.clustersnap"+receiptExtension }
		s, err := o.commits(t, query)
		if err != nil {
			t.Errorf("%q: %v", query, err)
		}
		if r, err := s.Receipt(t.Context(), "a.clustersnap"); err != nil || r.LockedUntil.IsZero() != (query == "") {
			t.Errorf("%q: %+v, %v", query, r, err)
		}
	}
}

// At no time there is a receipt without its set.
func TestDeleteOrder(t *testing.T) {
	o := &objects{}
	s, err := o.commits(t, "")
	if err != nil {
		t.Fatal(err)
	}
	o.log = nil
	if err := s.Delete(t.Context(), "a.clustersnap"); err != nil {
		t.Fatal(err)
	}
	o.log = slices.DeleteFunc(o.log, func(request string) bool { return !strings.HasPrefix(request, "DELETE") })
	if want := []string{"DELETE a.clustersnap" + receiptExtension, "DELETE a.clustersnap"}; !slices.Equal(o.log, want) {
		t.Errorf("%v", o.log)
	}
}
