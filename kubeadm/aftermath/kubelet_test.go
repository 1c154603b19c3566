package aftermath

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"

	"k8s.io/client-go/rest"
)

// seeds are answers of a kubelet: of /runningpods/ and /pods, and broken ones.
var seeds = []string{
	`{"kind":"PodList","apiVersion":"v1","metadata":{},"items":[{"metadata":{"name":"web","namespace":"shop","uid":"u1",` +
		`"creationTimestamp":null},"spec":{"containers":[{"name":"c","image":"i","resources":{}}]},"status":{}}]}`,
	`{"items":[{"metadata":{"name":"web","namespace":"shop","uid":"u1","resourceVersion":"12","annotations":{"a":"b"}}}]}`,
	`{"items":[]}`, `{"items":null}`, `{}`, ``, `[]`, `{"items":[null]}`, `{"items":[{"metadata":null}]}`,
	`{"items":[{"metadata":{"uid":1}}]}`, `{"items":[{"metadata":{"uid":"u1"`, `<html>`, "\x00\xff",
}

// FuzzKubelet has a kubelet answer anything: there are pods or an error, and never more of them than were sent.
func FuzzKubelet(f *testing.F) {
	for _, seed := range seeds {
		f.Add(seed, seeds[1])
		f.Add(seeds[0], seed)
	}
	answers := map[string]string{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Write([]byte(answers[strings.TrimPrefix(r.URL.Path, "/api/v1/nodes/n1/proxy")]))
	}))
	f.Cleanup(server.Close)
	client, err := connect(&rest.Config{Host: server.URL})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, runs, knows string) {
		answers["/runningpods/"], answers["/pods"] = runs, knows
		in := &inspection{rest: client}
		pods, err := in.kubelet(t.Context(), "n1")
		if err != nil && pods != nil {
			t.Errorf("%d pods and the error %v", len(pods), err)
		}
		if len(pods) > len(runs) {
			t.Errorf("%d pods of %d bytes", len(pods), len(runs))
		}
		if err != nil && len(short(err)) > maxError+3 {
			t.Errorf("an error of %d bytes", len(short(err)))
		}
	})
}

// Each prefix of a good answer is an error, and so is one that comes byte by byte but for its end.
func TestKubeletAnswerIsCut(t *testing.T) {
	whole := seeds[0]
	for size := range whole {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			reader := iotest.OneByteReader(strings.NewReader(whole[:size]))
			buffer := make([]byte, 1)
			for {
				n, err := reader.Read(buffer)
				w.Write(buffer[:n])
				if err != nil {
					return
				}
			}
		}))
		client, err := connect(&rest.Config{Host: server.URL})
		if err != nil {
			t.Fatal(err)
		}
		if pods, err := (&inspection{rest: client}).kubelet(t.Context(), "n1"); err == nil {
			t.Errorf("the first %d bytes of an answer are taken for %v", size, pods)
		}
		server.Close()
	}
}

// An answer without end is given up at a size, before it fills the memory.
func TestKubeletAnswerIsTooLong(t *testing.T) {
	item := []byte(`{"metadata": {"name": "` + strings.Repeat("x", 4<<20) + `"}}, `)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := w.Write([]byte(`{"items": [`))
		for err == nil {
			_, err = w.Write(item)
		}
	}))
	defer server.Close()
	client, err := connect(&rest.Config{Host: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	_, err = (&inspection{rest: client}).kubelet(t.Context(), "n1")
	if err == nil || err.Error() != "the answer of its kubelet is longer than 64 MiB" {
		t.Errorf("the error is %v", err)
	}
}
