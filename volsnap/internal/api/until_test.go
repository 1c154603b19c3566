package api_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/clustersnap/clustersnap/volsnap/internal/api"
)

// answers is a server of one pod: what it has to say, request by request. A real one breaks no watch when a test wants it to.
func answers(t *testing.T, said ...string) dynamic.Interface {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(said) == 0 {
			<-r.Context().Done()
			return
		}
		text := said[0]
		said = said[1:]
		w.Header().Set("Content-Type", "application/json")
		if text == "absent" {
			w.WriteHeader(http.StatusNotFound)
			text = `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","code":404}`
		}
		if text == "broken" {
			w.WriteHeader(http.StatusInternalServerError)
			text = `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"InternalError","code":500}`
		}
		fmt.Fprintln(w, text)
	}))
	t.Cleanup(server.Close)
	client, err := dynamic.NewForConfig(&rest.Config{Host: server.URL, QPS: -1})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func pod(version, phase string) string {
	return fmt.Sprintf(`{"kind":"Pod","apiVersion":"v1","metadata":{"name":"p","namespace":"n","resourceVersion":"%s"},`+
		`"status":{"phase":"%s"}}`, version, phase)
}

func event(kind, object string) string { return `{"type":"` + kind + `","object":` + object + `}` }

const tooOld = `{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Expired","code":410}}`

func TestUntil(t *testing.T) {
	for name, test := range map[string]struct {
		said []string
		want []string // what done is told, "" for nothing there; the last one ends it
	}{
		"as it is": {[]string{pod("1", "Running")}, []string{"Running"}},
		"absent":   {[]string{"absent"}, []string{""}},
		"changes": {
			[]string{pod("1", "Pending"), event("MODIFIED", pod("2", "Running"))}, []string{"Pending", "Running"},
		},
		"comes": {[]string{"absent", event("ADDED", pod("2", "Running"))}, []string{"", "Running"}},
		"goes": {
			[]string{pod("1", "Running"), event("DELETED", pod("2", "Running"))}, []string{"Running", ""},
		},
		"changes after a broken watch": {[]string{pod("1", "Pending"), "", pod("2", "Running")}, []string{"Pending", "Running"}},
		"goes while a watch is broken": {[]string{pod("1", "Pending"), "", "absent"}, []string{"Pending", ""}},
		"changes while too old":        {[]string{pod("1", "Pending"), tooOld, pod("9", "Running")}, []string{"Pending", "Running"}},
		"a server that is ill for a while": {
			[]string{pod("1", "Pending"), "broken", "broken", pod("2", "Running")}, []string{"Pending", "Running"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			err := api.Until(t.Context(), answers(t, test.said...), api.Pods, "n", "p", func(p *corev1.Pod) (bool, error) {
				phase := ""
				if p != nil {
					phase = string(p.Status.Phase)
				}
				got = append(got, phase)
				return len(got) == len(test.want), nil
			})
			if err != nil || !slices.Equal(got, test.want) {
				t.Errorf("was told %q, want %q; %v", got, test.want, err)
			}
		})
	}
}

func TestUntilEnds(t *testing.T) {
	never := func(*corev1.Pod) (bool, error) { return false, nil }
	if err := api.Until(t.Context(), answers(t, "broken"), api.Pods, "n", "p", never); err == nil {
		t.Error("a server that is ill from the start is waited for")
	}
	enough := errors.New("enough")
	err := api.Until(t.Context(), answers(t, pod("1", "Running")), api.Pods, "n", "p", func(*corev1.Pod) (bool, error) {
		return false, enough
	})
	if !errors.Is(err, enough) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	err = api.Until(ctx, answers(t, pod("1", "Running")), api.Pods, "n", "p", func(*corev1.Pod) (bool, error) {
		cancel(enough)
		return false, nil
	})
	if !errors.Is(err, enough) {
		t.Errorf("got %v", err)
	}
}
