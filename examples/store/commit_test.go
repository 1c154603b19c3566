package store

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// objects are what a server has, which does what it is told, and what after adds to it.
type objects struct {
	mu      sync.Mutex
	has     map[string][]byte
	parts   map[string]string         // of the upload that there may be, by their numbers
	refuses bool                      // it knows If-None-Match, which many ignore
	log     []string                  // METHOD NAME
	after   func(request string) bool // false breaks the connection
}

func (o *objects) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	defer o.mu.Unlock()
	name := strings.TrimPrefix(r.URL.Path, "/b/f/")
	request := r.Method + " " + name
	if isList(r) {
		fmt.Fprint(w, emptyList)
		return
	}
	body, _ := io.ReadAll(r.Body)
	content, there := o.has[name]
	switch query := r.URL.Query(); {
	case query.Has("uploads") || query.Has("uploadId"):
		o.upload(w, r, name, string(body))
	case r.Method == http.MethodPut && o.refuses && there && r.Header.Get("If-None-Match") == "*":
		refuse(w, http.StatusPreconditionFailed, "PreconditionFailed")
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

// upload is what there is of uploads by parts.
func (o *objects) upload(w http.ResponseWriter, r *http.Request, name, body string) {
	number := r.URL.Query().Get("partNumber")
	switch {
	case r.Method == http.MethodPost && r.URL.Query().Has("uploads"):
		o.parts = map[string]string{}
		fmt.Fprint(w, `<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>`)
	case o.parts == nil:
		refuse(w, http.StatusNotFound, "NoSuchUpload")
	case r.Method == http.MethodPut:
		o.parts[number] = body
		w.Header().Set("ETag", `"x"`)
	case r.Method == http.MethodPost:
		o.has[name] = nil
		for _, number := range slices.Sorted(maps.Keys(o.parts)) {
			o.has[name] = append(o.has[name], o.parts[number]...)
		}
		o.parts = nil
		fmt.Fprint(w, `<CompleteMultipartUploadResult><ETag>"x"</ETag></CompleteMultipartUploadResult>`)
	default:
		o.parts = nil
		w.WriteHeader(http.StatusNoContent)
	}
}

func refuse(w http.ResponseWriter, status int, code string) {
	w.WriteHeader(status)
	fmt.Fprintf(w, "<Error><Code>%s</Code></Error>", code)
}

// commits has one set committed on a server.
func (o *objects) commits(t *testing.T, query string) (*Store, error) {
	t.Helper()
	s := o.opened(t, query)
	_, err := put(t, s, "a.clustersnap", []byte("content"), Verified)
	return s, err
}

func (o *objects) opened(t *testing.T, query string) *Store {
	t.Helper()
	o.has = map[string][]byte{}
	server := httptest.NewServer(o)
	t.Cleanup(server.Close)
	return opened(t, "endpoint="+server.URL+query, time.Minute)
}

// asksAgain has the client of a store ask again where it gets no answer, as it does by itself, without its pauses.
func asksAgain(t *testing.T, s *Store) {
	t.Helper()
	var client *s3.Client
	if !s.bucket.As(&client) {
		t.Fatal("no client of S3")
	}
	*client = *s3.New(client.Options(), func(o *s3.Options) {
		o.RetryMaxAttempts = 0
		o.Retryer = retry.NewStandard(func(o *retry.StandardOptions) {
			o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil })
		})
	})
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

// A store that had completed a set, and whose answer was lost, refuses the same when it is asked again. It is the same set,
// unless somebody has put another one there.
func TestCompletionWithoutAnswer(t *testing.T) {
	large := bytes.Repeat([]byte("content "), 17<<17) // above what goes in one request
	for _, c := range []struct {
		name, request, says string
		content             []byte
		then                func(content []byte) []byte // what there is when it is asked again
	}{
		{"one request", "PUT", "", []byte("content"), nil},
		{"parts", "POST", "", large, nil},
		{"another one", "PUT", "another upload", []byte("content"), bytes.ToUpper},
		{"a longer one", "PUT", "another upload", []byte("content"), func(b []byte) []byte { return append(b, ' ') }},
		{"another one of parts", "POST", "another upload", large, bytes.ToUpper},
		{"nothing", "POST", "taken away", large, func([]byte) []byte { return nil }},
	} {
		for _, verdict := range []Verdict{Verified, Unverified} {
			t.Run(c.name+" "+string(verdict), func(t *testing.T) {
				o, lost := &objects{refuses: true}, false
				o.after = func(request string) bool {
					if lost || request != c.request+" a.clustersnap" || o.has["a.clustersnap"] == nil {
						return true
					}
					if lost = true; c.then != nil {
						o.has["a.clustersnap"] = c.then(o.has["a.clustersnap"])
					}
					if o.has["a.clustersnap"] == nil {
						delete(o.has, "a.clustersnap")
					}
					return false
				}
				s := o.opened(t, "")
				asksAgain(t, s)
				_, err := put(t, s, "a.clustersnap", c.content, verdict)
				if !lost || (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
					t.Errorf("an answer was lost: %v; %v", lost, err)
				}
				want := []string{"a.clustersnap", "a.clustersnap" + receiptExtension}
				switch c.says {
				case "another upload":
					want = want[:1]
				case "taken away":
					want = nil
				}
				if got := o.names(); !slices.Equal(got, want) {
					t.Errorf("there are %v, want %v", got, want)
				}
			})
		}
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
