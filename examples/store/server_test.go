package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
)

const emptyList = `<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>`

// served opens a folder of a server that a test makes, as a real one does not fail on demand. The folder is "f/".
func served(t *testing.T, stall time.Duration, answer http.HandlerFunc, query ...string) *Store {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	return opened(t, "endpoint="+server.URL+strings.Join(query, ""), stall)
}

func opened(t *testing.T, query string, stall time.Duration) *Store {
	t.Helper()
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "somebody", "AWS_SECRET_ACCESS_KEY": "nothing", "AWS_REGION": "us-east-1",
	} {
		t.Setenv(name, value)
	}
	s, err := Open(t.Context(), "s3://b/f/?use_path_style=true&"+query, Options{Stall: stall})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	var client *s3.Client
	if !s.bucket.As(&client) {
		t.Fatal("no client of S3")
	}
	*client = *s3.New(client.Options(), func(o *s3.Options) { o.RetryMaxAttempts = 1 }) // no pauses
	return s
}

func isList(r *http.Request) bool { return r.URL.Query().Get("list-type") == "2" }

// A store that fails is not a folder of broken receipts, and is not asked for each of them.
func TestListEndsWithTheStore(t *testing.T) {
	for name, fail := range map[string]http.HandlerFunc{
		"refuses":    func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) },
		"is at work": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
		"breaks off": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			var asked atomic.Int64
			s := served(t, time.Minute, func(w http.ResponseWriter, r *http.Request) {
				if !isList(r) {
					asked.Add(1)
					fail(w, r)
					return
				}
				fmt.Fprint(w, `<ListBucketResult><IsTruncated>false</IsTruncated>`)
				for i := range 5 {
					for _, extension := range []string{"", receiptExtension} {
						fmt.Fprintf(w, `<Contents><Key>f/s%d.clustersnap%s</Key><Size>1</Size>`+
							`<LastModified>2026-11-01T00:00:00Z</LastModified></Contents>`, i, extension)
					}
				}
				fmt.Fprint(w, `</ListBucketResult>`)
			})
			l, err := s.List(t.Context())
			// net/http asks once more where a connection breaks that was in use before.
			if err == nil || !strings.Contains(err.Error(), receiptExtension) || asked.Load() > 2 {
				t.Errorf("%d asked, %+v, %v", asked.Load(), l, err)
			}
		})
	}
}

// Who may list the folder alone can back up to it.
func TestRightsOfAFolder(t *testing.T) {
	s := served(t, time.Minute, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case isList(r) && r.URL.Query().Get("prefix") != "f/":
			w.WriteHeader(http.StatusForbidden)
		case isList(r):
			fmt.Fprint(w, emptyList)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	})
	u, err := s.Create(t.Context(), "a.clustersnap", pruneNow)
	if err != nil {
		t.Fatal(err)
	}
	if err := u.Close(); err != nil {
		t.Error(err)
	}
}

func TestNoBucket(t *testing.T) {
	s := served(t, time.Minute, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `<Error><Code>NoSuchBucket</Code><Message>none</Message></Error>`)
	})
	if _, err := s.Create(t.Context(), "a.clustersnap", pruneNow); err == nil || !strings.Contains(err.Error(), "no such bucket") {
		t.Errorf("create: %v", err)
	}
}

// A small set is sent when it is complete, with a checksum, and one that is given up is not sent at all.
func TestSmallSet(t *testing.T) {
	var puts []http.Header
	s := served(t, time.Minute, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case isList(r):
			fmt.Fprint(w, emptyList)
		case r.Method == http.MethodPut:
			if _, err := io.Copy(io.Discard, r.Body); err != nil {
				t.Error(err)
			}
			puts = append(puts, r.Header)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	})
	for _, complete := range []bool{false, true} {
		u, err := s.Create(t.Context(), "a.clustersnap", pruneNow)
		if err != nil {
			t.Fatal(err)
		}
		defer u.Close()
		if _, err := u.Write([]byte("content")); err != nil {
			t.Fatal(err)
		}
		if !complete {
			if err := u.Close(); err != nil || len(puts) != 0 {
				t.Errorf("given up: %v, %v", puts, err)
			}
			continue
		}
		if err := u.complete(t.Context(), Receipt{}); err != nil || len(puts) != 1 {
			t.Fatalf("complete: %v, %v", puts, err)
		}
		if sum := puts[0].Get("X-Amz-Checksum-Crc32"); sum != "/sUwqQ==" || puts[0].Get("If-None-Match") != "*" {
			t.Errorf("its checksum is %q: %v", sum, puts[0])
		}
	}
}

func TestNoRegion(t *testing.T) {
	for _, name := range []string{"AWS_REGION", "AWS_DEFAULT_REGION"} {
		t.Setenv(name, "")
	}
	for _, name := range []string{"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"} {
		t.Setenv(name, os.DevNull)
	}
	if s, err := Open(t.Context(), "s3://b/", Options{}); err == nil || !strings.Contains(err.Error(), "add region=NAME") {
		t.Errorf("%v, %v", s, err)
	}
}

// What anybody may read needs no credentials.
func TestAnonymous(t *testing.T) {
	s := served(t, time.Minute, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			t.Error("the request is signed")
		}
		fmt.Fprint(w, emptyList)
	}, "&anonymous=true")
	if _, err := s.objects(t.Context()); err != nil {
		t.Error(err)
	}
}

// A store that takes bytes is not given up, how ever long a part takes: the guard hears of bytes, not of parts.
func TestSlowUpload(t *testing.T) {
	var guarded atomic.Pointer[guard]
	var heard atomic.Bool
	s := served(t, time.Hour, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case isList(r):
			fmt.Fprint(w, emptyList)
		case r.Method == http.MethodPut:
			_, _ = io.CopyN(io.Discard, r.Body, 1<<20)
			guarded.Load().timer.Stop() // as if long ago
			_, _ = io.Copy(io.Discard, r.Body)
			heard.Store(guarded.Load().timer.Stop())
			w.Header().Set("ETag", `"x"`)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	})
	u, err := s.Create(t.Context(), "a.clustersnap", pruneNow)
	if err != nil {
		t.Fatal(err)
	}
	defer u.Close()
	guarded.Store(u.guard)
	if _, err := u.Write(make([]byte, 15<<20)); err != nil { // in one request, and more than sockets hold
		t.Fatal(err)
	}
	if err := u.complete(t.Context(), Receipt{}); err != nil {
		t.Fatal(err)
	}
	if !heard.Load() {
		t.Error("the guard has heard of no byte of a request")
	}
}

// While an upload waits for its writer, a part on its way does not set the guard again.
func TestGuardRests(t *testing.T) {
	ctx, g := watch(t.Context(), time.Hour)
	defer g.end()
	if guardOf(ctx) != g {
		t.Error("a context does not know its guard")
	}
	g.rest()
	g.sent()
	if g.timer.Stop() {
		t.Error("it waits for the store while nobody does")
	}
	g.moved()
	if !g.timer.Stop() {
		t.Error("it does not wait")
	}
	g.sent()
	if !g.timer.Stop() {
		t.Error("it does not wait on")
	}
}

// An upload that is given up ends its own multipart upload, and nobody else's.
func TestSweepsItsOwn(t *testing.T) {
	var aborted atomic.Value
	s := served(t, time.Minute, func(w http.ResponseWriter, r *http.Request) {
		switch query := r.URL.Query(); {
		case isList(r):
			fmt.Fprint(w, emptyList)
		case query.Has("uploads") && r.Method == http.MethodPost:
			fmt.Fprint(w, `<InitiateMultipartUploadResult><Bucket>b</Bucket><Key>f/a.clustersnap</Key><UploadId>own</UploadId>`+
				`</InitiateMultipartUploadResult>`)
		case query.Has("uploads"):
			fmt.Fprint(w, `<ListMultipartUploadsResult><IsTruncated>false</IsTruncated>`)
			for _, id := range []string{"own", "others"} {
				fmt.Fprintf(w, `<Upload><Key>f/a.clustersnap</Key><UploadId>%s</UploadId>`+
					`<Initiated>2026-11-27T00:00:00Z</Initiated></Upload>`, id)
			}
			fmt.Fprint(w, `</ListMultipartUploadsResult>`)
		case query.Has("partNumber"):
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("ETag", `"x"`)
		case r.Method == http.MethodDelete:
			if was := aborted.Swap(query.Get("uploadId")); was != nil && was != "own" {
				t.Errorf("%v is aborted", was)
			}
			w.WriteHeader(http.StatusNoContent)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	})
	u, err := s.Create(t.Context(), "a.clustersnap", pruneNow)
	if err != nil {
		t.Fatal(err)
	}
	for range 48 { // more than is held in memory, so that some parts are there
		if _, err := u.Write(make([]byte, 1<<20)); err != nil {
			t.Fatal(err)
		}
	}
	if err := u.Close(); err != nil {
		t.Error(err)
	}
	if got := aborted.Load(); got != "own" {
		t.Errorf("%v is aborted", got)
	}
}

// A list of uploads that goes round is given up.
func TestUploadsGoRound(t *testing.T) {
	var pages atomic.Int64
	s := served(t, time.Minute, func(w http.ResponseWriter, r *http.Request) {
		if isList(r) {
			fmt.Fprint(w, emptyList)
			return
		}
		if r.URL.Query().Get("delimiter") != "/" {
			t.Error("the uploads of all folders below are asked for")
		}
		fmt.Fprintf(w, `<ListMultipartUploadsResult><IsTruncated>true</IsTruncated><NextKeyMarker>k%d</NextKeyMarker>`+
			`<NextUploadIdMarker>u</NextUploadIdMarker></ListMultipartUploadsResult>`, pages.Add(1)%2)
	})
	if _, err := s.List(t.Context()); err == nil || !strings.Contains(err.Error(), "does not end") || pages.Load() != pagesMost {
		t.Errorf("%d pages, %v", pages.Load(), err)
	}
}

// A server that breaks off after one byte a request is given up.
func TestReadsByBytes(t *testing.T) {
	var requests atomic.Int64
	s := served(t, time.Minute, func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		var from, to int
		if _, err := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-%d", &from, &to); err != nil {
			t.Error(err)
		}
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/1000", from, to))
		w.Header().Set("Content-Length", fmt.Sprint(to-from+1))
		w.WriteHeader(http.StatusPartialContent)
		fmt.Fprint(w, "x")
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	in := s.reader(t.Context(), "a.clustersnap", 1000)
	defer in.Close()
	if n, err := in.ReadAt(make([]byte, 500), 0); err == nil || n > readTries || requests.Load() > readTries {
		t.Errorf("%d requests, %d bytes, %v", requests.Load(), n, err)
	}
}

// A store that dies in the middle of an upload is given up, too, with all that the writer does.
func TestUploadStalls(t *testing.T) {
	dead := make(chan struct{})
	s := served(t, 20*time.Millisecond, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case isList(r):
			fmt.Fprint(w, emptyList)
		case r.Method == http.MethodHead:
			w.WriteHeader(http.StatusNotFound)
		case r.Method == http.MethodDelete:
			w.WriteHeader(http.StatusNoContent)
		default:
			<-dead
		}
	})
	defer close(dead)
	for name, size := range map[string]int{"at the end": 1 << 10, "while it is written": 96 << 20} {
		t.Run(name, func(t *testing.T) {
			s.stall = time.Minute
			u, err := s.Create(t.Context(), "a.clustersnap", pruneNow)
			if err != nil {
				t.Fatal(err)
			}
			defer u.Close()
			u.guard.stall = 20 * time.Millisecond
			for n := 0; n < size && err == nil; n += 1 << 10 {
				_, err = u.Write(make([]byte, 1<<10))
			}
			if err == nil {
				_, err = u.Commit(context.WithoutCancel(t.Context()), goodReceipt().About, Unverified)
			}
			if !errors.Is(err, ErrStalled) {
				t.Errorf("%v", err)
			}
		})
	}
}
