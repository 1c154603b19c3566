package aftermaths

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clustersnap/clustersnap/kubeadm/aftermath"
)

// fakeKubelet is a server that kube-apiserver takes for the kubelets of n1 and n2. It answers as pkg/kubelet/server does, or
// as a broken one would.
type fakeKubelet struct {
	mu      sync.Mutex
	answers map[string]http.HandlerFunc // by path
}

func (k *fakeKubelet) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	k.mu.Lock()
	answer := k.answers[r.URL.Path]
	k.mu.Unlock()
	if answer == nil {
		http.NotFound(w, r)
		return
	}
	answer(w, r)
}

func (k *fakeKubelet) say(path string, answer http.HandlerFunc) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.answers[path] = answer
}

// text answers with JSON.
func text(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, body)
	}
}

// startKubelet starts one on the control plane's node, and has kube-apiserver find it there.
func startKubelet(s *scene) *fakeKubelet {
	s.Helper()
	k := &fakeKubelet{answers: map[string]http.HandlerFunc{}}
	listener, err := s.node.Listen("tcp", s.node.Address+":0")
	must(s, err)
	server := httptest.NewUnstartedServer(k)
	server.Listener.Close()
	server.Listener = listener
	server.StartTLS()
	s.Cleanup(server.Close)
	port := listener.Addr().(*net.TCPAddr).Port
	for _, node := range []string{"n1", "n2"} {
		s.patch("Node", "", node, fmt.Sprintf(`{"status": {"addresses": [{"type": "InternalIP", "address": %q}], `+
			`"daemonEndpoints": {"kubeletEndpoint": {"Port": %d}}}}`, s.node.Address, port), "status")
	}
	return k
}

// kubelets are asked through kube-apiserver.
func kubelets(s *scene) {
	k := startKubelet(s)
	list, err := s.api.CoreV1().Pods("").List(s.ctx, metav1.ListOptions{})
	must(s, err)
	// What both nodes run, in one: the server does not know for which of them it is asked.
	var runs, knows, now []string
	for _, p := range list.Items {
		uid, version := string(p.UID), p.ResourceVersion
		if hash := p.Annotations["kubernetes.io/config.mirror"]; hash != "" {
			uid, version = hash, ""
		}
		item := `{"metadata": {"name": "` + p.Name + `", "namespace": "` + p.Namespace + `", "uid": "` + uid + `"`
		if p.Status.Phase == "Running" {
			runs = append(runs, item+`, "creationTimestamp": null}, "spec": {"containers": [{"name": "c"}]}, "status": {}}`)
		}
		now = append(now, item+`, "resourceVersion": "`+version+`"}}`)
		if p.Name == "db-0" {
			version = "99999999999"
		}
		knows = append(knows, item+`, "resourceVersion": "`+version+`"}}`)
	}
	podList := func(items []string) string {
		return `{"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": [` + strings.Join(items, ", ") + `]}`
	}
	phantom := `{"metadata": {"name": "later", "namespace": "shop", "uid": "` + uid1 + `"}}`
	ending := `{"metadata": {"name": "ending", "namespace": "shop", "uid": "` + uid2 + `"}}` // which is not wanted any more
	k.say("/runningpods/", text(podList(append(runs, phantom, ending))))
	k.say("/pods", text(podList(append(knows, phantom))))
	s.want(s.inspectAs(s.config, aftermath.Options{}),
		"kubelet-restart act Node n1: its kubelet runs 1 pod that etcd does not have, and goes by versions of 1 pod",
		"kubelet-restart act Node n2: ", "phantom-pod act Pod shop/later: node n1", "phantom-pod act Pod shop/later: node n2")

	for _, c := range []struct {
		name, path, says string
		answer           http.HandlerFunc
	}{
		{"not found", "/runningpods/", "could not find the requested resource", nil},
		{"no list of its own", "/pods", "could not find the requested resource", nil},
		{"not JSON", "/runningpods/", "read the answer of its kubelet: invalid character '<'", text("<html>")},
		{"cut", "/runningpods/", "read the answer of its kubelet: unexpected EOF", text(`{"items": [{"metadata"`)},
		{"another shape", "/runningpods/", "read the answer of its kubelet: json: cannot unmarshal", text(`{"items": "all"}`)},
		{"without end", "/runningpods/", "the answer of its kubelet", endless}, // too long, or its time is over before
		{"an error", "/runningpods/", "the runtime is away", func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "the runtime is away", http.StatusInternalServerError)
		}},
	} {
		k.say("/runningpods/", text(podList(runs)))
		k.say("/pods", text(podList(now)))
		k.say(c.path, c.answer)
		report := s.inspectAs(s.config, aftermath.Options{})
		s.want(report, "not-asked act Node n1: what runs on it could not be asked|"+c.says, "not-asked act Node n2: |"+c.says)
	}
	s.patch("Node", "", "n2", `{"status": {"daemonEndpoints": {"kubeletEndpoint": {"Port": 1}}}}`, "status")
	k.say("/runningpods/", text(podList(runs)))
	k.say("/pods", text(podList(now)))
	s.want(s.inspectAs(s.config, aftermath.Options{}), "not-asked act Node n2: |connection refused")
}

// endless is a pod list of one pod without end.
func endless(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprint(w, `{"items": [`)
	item := []byte(strings.Repeat(`{"metadata": {"name": "`+strings.Repeat("x", 1<<20)+`"}}, `, 8))
	for r.Context().Err() == nil {
		if _, err := w.Write(item); err != nil {
			return
		}
	}
}
