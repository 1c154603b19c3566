package dumps

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/clustersnap/clustersnap/internal/e2e/bed"
	"github.com/clustersnap/clustersnap/internal/e2e/peers"
	"github.com/clustersnap/clustersnap/manifests"
)

// Events in an etcd of their own count on their own clock, which may be behind or ahead of the other.
func TestEventsSplitOut(t *testing.T) {
	node, ctx := bed.ControlPlane(t, bed.Options{}), stuck(t)
	second := secondEtcd(ctx, t, node)
	editAPIServer(ctx, t, node, "    - --etcd-servers=", "    - --etcd-servers-overrides=/events#"+secondEndpoint+"\n    - --etcd-servers=")
	makeEvents(ctx, t, node.RESTConfig(t), 250)
	for _, c := range []struct {
		name  string
		store *clientv3.Client // that gets on
		puts  int
	}{{"behind", node.EtcdClient(t), 500}, {"ahead", second, 2000}} {
		t.Run(c.name, func(t *testing.T) {
			for range c.puts {
				_, err := c.store.Put(ctx, "any", "thing")
				must(t, err)
			}
			var r receiver
			report, err := cluster(t, node.RESTConfig(t)).Dump(ctx, &r, manifests.Options{PageSize: 100})
			must(t, err)
			if !report.Complete() {
				t.Errorf("missing are %+v", report.Missing())
			}
			wantOutcome(t, report, "events", manifests.SameObjects, "events.events.k8s.io")
			for _, o := range report.Outcomes {
				split := o.Resource.Resource == "events" && o.State == manifests.Listed
				if split != (o.Clock != "") {
					t.Errorf("outcome %s: another clock is wanted for events and nothing else", o)
				}
				if split && (o.Objects < 250 || (number(t, o.Clock) > number(t, report.ResourceVersion)) != (c.store == second)) {
					t.Errorf("outcome %s, at %s of the others", o, report.ResourceVersion)
				}
			}
			for i := range 250 {
				key := manifests.Key{Group: "events.k8s.io", Resource: "events", Namespace: "default", Name: fmt.Sprintf("event-%03d", i)}
				if _, ok := r.objects[key]; !ok {
					t.Errorf("%s was not handed on", key)
				}
			}
		})
	}
}

const secondEndpoint = "http://127.0.0.1:12379"

// secondEtcd starts an etcd on the node beside its own.
func secondEtcd(ctx context.Context, t testing.TB, node *bed.Node) *clientv3.Client {
	t.Helper()
	cmd := exec.CommandContext(ctx, peers.Etcd37.Path(t), "--data-dir", filepath.Join(node.Root, "second"), "--name", "second",
		"--listen-client-urls", secondEndpoint, "--advertise-client-urls", secondEndpoint,
		"--listen-peer-urls", "http://127.0.0.1:12380", "--initial-advertise-peer-urls", "http://127.0.0.1:12380",
		"--initial-cluster", "second=http://127.0.0.1:12380")
	wait, err := node.Start(cmd)
	must(t, err)
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGKILL)
		wait()
	})
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{secondEndpoint}, DialOptions: []grpc.DialOption{
		grpc.WithContextDialer(func(ctx context.Context, address string) (net.Conn, error) {
			return node.DialContext(ctx, "tcp", strings.TrimPrefix(address, "http://"))
		})}})
	must(t, err)
	t.Cleanup(func() { client.Close() })
	_, err = client.Get(ctx, "health")
	must(t, err)
	return client
}

// editAPIServer changes the manifest of kube-apiserver and waits until it runs with that.
func editAPIServer(ctx context.Context, t testing.TB, node *bed.Node, old, new string) {
	t.Helper()
	file := filepath.Join(node.Root, "etc/kubernetes/manifests/kube-apiserver.yaml")
	text, err := os.ReadFile(file)
	must(t, err)
	edited := strings.Replace(string(text), old, new, 1)
	if edited == string(text) {
		t.Fatalf("%s has no %q", file, old)
	}
	before, _ := node.Pods.State("kube-apiserver")
	must(t, os.WriteFile(file, []byte(edited), 0o600))
	must(t, node.Pods.Wait(ctx, "kube-apiserver", func(s bed.State, _ bool) bool { return s.PID != 0 && s.PID != before.PID }))
	must(t, node.WaitAPI(ctx))
}

// Behind an aggregated API is any server. The one of this test shows what a real one won't on demand.
func TestAggregatedAPI(t *testing.T) {
	node, ctx := bed.ControlPlane(t, bed.Options{}), stuck(t)
	served := serveFar(ctx, t, node)
	var r receiver
	report, err := cluster(t, node.RESTConfig(t)).Dump(ctx, &r, manifests.Options{})
	must(t, err)
	wantOutcome(t, report, "gauges."+far, manifests.Listed, "")
	wantOutcome(t, report, "halves."+far, manifests.Failed, "read list: ")
	wantOutcome(t, report, "spoiled."+far, manifests.Failed, "read object 2 of the list")
	wantOutcome(t, report, "presents."+far, manifests.Listed, "")
	wantOutcome(t, report, "pasts."+far, manifests.Listed, "")
	wantOutcome(t, report, "sulks."+far, manifests.Failed, "not today")
	if len(report.Missing()) != 3 || len(r.twice) > 0 || len(r.begins) != 1 {
		t.Errorf("missing %v, twice %v, begins %v", report.Missing(), r.twice, r.begins)
	}
	for _, c := range []struct {
		resource, clock string
		objects         int
	}{{"presents", "1000", 2}, {"pasts", "7", 5}, {"gauges", "unknown", 1}} {
		o := outcomes(report, c.resource+"."+far)[0]
		if o.Clock != c.clock || o.Objects != c.objects {
			t.Errorf("outcome %s, want %d objects of %s", o, c.objects, c.clock)
		}
	}
	for _, name := range []string{"halves/first", "spoiled/first", "spoiled/third", "presents/a", "pasts/e", "gauges/a"} {
		resource, name, _ := strings.Cut(name, "/")
		if _, ok := r.objects[manifests.Key{Group: far, Resource: resource, Namespace: "default", Name: name}]; !ok {
			t.Errorf("%s %s was not handed on", resource, name)
		}
	}
	if n := served.halves.Load(); n != 1+3 { // it was probed, and tried three times
		t.Errorf("the list that breaks was asked for %d times, want 4", n)
	}

	// Its discovery is kept for a while when it is dead, so that the lists fail, or else the version is stale.
	served.Close()
	report, err = cluster(t, node.RESTConfig(t)).Dump(ctx, &r, manifests.Options{})
	must(t, err)
	dead := 0
	for _, o := range report.Missing() {
		if o.Group != far || o.State != manifests.Failed {
			t.Errorf("outcome %s", o)
		}
		dead++
	}
	if dead == 0 {
		t.Error("nothing is missing of an API that is dead")
	}
}

const far = "far.example.com"

// farServer is a server behind an APIService.
type farServer struct {
	*httptest.Server
	halves atomic.Int32 // how often this list was asked for
}

// serveFar serves an aggregated API on the address of its Service, which the node has as one of its own: there is no
// kube-proxy.
func serveFar(ctx context.Context, t testing.TB, node *bed.Node) *farServer {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	client := dynamicClient(t, node.RESTConfig(t))
	create := func(gvr schema.GroupVersionResource, namespace string, object map[string]any) *unstructured.Unstructured {
		o, err := client.Resource(gvr).Namespace(namespace).Create(ctx, &unstructured.Unstructured{Object: object}, metav1.CreateOptions{})
		must(t, err)
		return o
	}
	service := create(schema.GroupVersionResource{Version: "v1", Resource: "services"}, "default", map[string]any{
		"apiVersion": "v1", "kind": "Service", "metadata": map[string]any{"name": "far"},
		"spec": map[string]any{"ports": []any{map[string]any{"port": int64(443)}}},
	})
	address, _, err := unstructured.NestedString(service.Object, "spec", "clusterIP")
	must(t, err)
	must(t, node.Run(exec.CommandContext(ctx, "ip", "address", "add", address+"/32", "dev", "lo")))
	create(schema.GroupVersionResource{Group: "discovery.k8s.io", Version: "v1", Resource: "endpointslices"}, "default", map[string]any{
		"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
		"metadata":  map[string]any{"name": "far", "labels": map[string]any{"kubernetes.io/service-name": "far"}},
		"endpoints": []any{map[string]any{"addresses": []any{node.Address}}},
		"ports":     []any{map[string]any{"name": "", "port": int64(443), "protocol": "TCP"}},
	})
	listener, err := node.Listen("tcp", address+":443")
	must(t, err)
	f := new(farServer)
	f.Server = httptest.NewUnstartedServer(f)
	f.Listener.Close()
	f.Listener = listener
	f.Config.ErrorLog = log.New(io.Discard, "", 0)
	f.StartTLS()
	t.Cleanup(f.Close)
	create(schema.GroupVersionResource{Group: "apiregistration.k8s.io", Version: "v1", Resource: "apiservices"}, "", map[string]any{
		"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": map[string]any{"name": "v1." + far},
		"spec": map[string]any{
			"group": far, "version": "v1", "groupPriorityMinimum": int64(1000), "versionPriority": int64(10),
			"insecureSkipTLSVerify": true, "service": map[string]any{"namespace": "default", "name": "far"},
		},
	})
	must(t, discovered(ctx, cluster(t, node.RESTConfig(t)), "pasts."+far))
	ask := newAPI(t, node.RESTConfig(t))
	for { // requests pass some time after discovery does
		_, err := ask.list(ctx, manifests.Resource{Group: far, Version: "v1", Resource: "pasts"}, state{})
		if err == nil {
			break
		}
		if ctx.Err() != nil {
			t.Fatal(err)
		}
	}
	return f
}

func (f *farServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	path := strings.TrimPrefix(r.URL.Path, "/apis/"+far+"/v1")
	query := r.URL.Query()
	switch path {
	case "":
		list := metav1.APIResourceList{TypeMeta: metav1.TypeMeta{Kind: "APIResourceList", APIVersion: "v1"}, GroupVersion: far + "/v1"}
		for name, kind := range map[string]string{
			"gauges": "Gauge", "halves": "Half", "spoiled": "Spoiled", "presents": "Present", "pasts": "Past", "sulks": "Sulk",
		} {
			list.APIResources = append(list.APIResources, metav1.APIResource{
				Name: name, Kind: kind, Namespaced: true, Verbs: metav1.Verbs{"list", "get", "create"},
			})
		}
		json.NewEncoder(w).Encode(list)
	case "/gauges": // has no clock
		fmt.Fprint(w, `{"kind":"GaugeList","apiVersion":"far.example.com/v1","metadata":{},"items":[{"metadata":{"namespace":"default","name":"a"}}]}`)
	case "/halves": // breaks off after its first object
		f.halves.Add(1)
		if query.Get("limit") == "1" {
			fmt.Fprint(w, `{"metadata":{"resourceVersion":"5","continue":"more"},"items":[]}`)
			return
		}
		fmt.Fprintf(w, `{"metadata":{"resourceVersion":"5"},"items":[%s,`, object("first", 3))
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	case "/spoiled": // has an object that is none
		fmt.Fprintf(w, `{"metadata":{"resourceVersion":"5"},"items":[%s,{"metadata":"none"},%s]}`, object("first", 3), object("third", 3))
	case "/presents": // knows the present only, and says no to a question about the past
		if query.Has("resourceVersionMatch") {
			http.Error(w, `{"kind":"Status","status":"Failure","reason":"BadRequest","message":"what is a resource version?","code":400}`, 400)
			return
		}
		fmt.Fprintf(w, `{"metadata":{"resourceVersion":"1000"},"items":[%s,%s]}`, object("a", 3), object("b", 4))
	case "/pasts": // has a clock of its own, and pages
		names := []string{"a", "b", "c", "d", "e"}
		at := 0
		fmt.Sscan(query.Get("continue"), &at)
		more := ""
		end := len(names)
		if at < 4 {
			end = at + 1
			more = fmt.Sprint(end)
		}
		var items []string
		for _, name := range names[at:end] {
			items = append(items, object(name, 2))
		}
		fmt.Fprintf(w, `{"items":[%s],"metadata":{"resourceVersion":"7","continue":%q}}`, strings.Join(items, ","), more)
	case "/sulks":
		http.Error(w, `{"kind":"Status","status":"Failure","reason":"InternalError","message":"not today","code":500}`, 500)
	default:
		http.NotFound(w, r)
	}
}

func object(name string, version int) string {
	return fmt.Sprintf(`{"apiVersion":"far.example.com/v1","kind":"Any","metadata":{"namespace":"default","name":%q,"uid":"uid-%s","resourceVersion":"%d"}}`,
		name, name, version)
}
