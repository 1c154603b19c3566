package dumps

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"

	"github.com/clustersnap/clustersnap/internal/e2e/bed"
	"github.com/clustersnap/clustersnap/internal/e2e/datamaker"
	"github.com/clustersnap/clustersnap/internal/e2e/faults"
	"github.com/clustersnap/clustersnap/manifests"
)

// What breaks in the middle is made good, or said.
func TestBroken(t *testing.T) {
	node, ctx := bed.ControlPlane(t, bed.Options{}), stuck(t)
	_, err := datamaker.FillAPI(ctx, node.RESTConfig(t), 2000)
	must(t, err)
	makeEvents(ctx, t, node.RESTConfig(t), 300)
	t.Run("connection", func(t *testing.T) { brokenConnection(ctx, t, node) })
	t.Run("instant compacted", func(t *testing.T) { compacted(ctx, t, node) })
	t.Run("instant compacted again and again", func(t *testing.T) { compactedAlways(ctx, t, node) })
	t.Run("receiver", func(t *testing.T) { receiverFails(ctx, t, node) })
	t.Run("server dies", func(t *testing.T) { serverDies(ctx, t, node) })
}

// events are not held in kube-apiserver's cache, so that their lists come from etcd itself.
func makeEvents(ctx context.Context, t testing.TB, config *rest.Config, n int) {
	t.Helper()
	client := dynamicClient(t, config).Resource(schema.GroupVersionResource{Version: "v1", Resource: "events"}).Namespace("default")
	for i := range n {
		_, err := client.Create(ctx, &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "v1", "kind": "Event", "metadata": map[string]any{"name": fmt.Sprintf("event-%03d", i)},
			"involvedObject": map[string]any{"kind": "Pod", "namespace": "default", "name": "p"},
		}}, metav1.CreateOptions{})
		must(t, err)
	}
}

// brokenConnection breaks the connection that all lists share, twice in the middle of pages.
func brokenConnection(ctx context.Context, t *testing.T, node *bed.Node) {
	config := node.RESTConfig(t)
	proxy := faults.NewProxy(t, strings.TrimPrefix(config.Host, "https://"), faults.ProxyOptions{Dial: node.DialContext})
	config.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, proxy.Addr())
	}
	var r receiver
	cuts := 0
	r.object = func(*manifests.Object) error {
		if len(r.objects) == 500 || len(r.objects) == 1500 {
			cut := proxy.CutAfter(10_000)
			go func() {
				<-cut
				proxy.Pass()
			}()
			cuts++
		}
		return nil
	}
	report, err := cluster(t, config).Dump(ctx, &r, manifests.Options{})
	must(t, err)
	if !report.Complete() || len(r.begins) != 1 || len(r.twice) > 0 || cuts != 2 {
		t.Errorf("missing %+v, %d begins, twice %v, %d cuts", report.Missing(), len(r.begins), r.twice, cuts)
	}
	sameAsNow(ctx, t, node, &r)
}

// sameAsNow holds a dump against another one. Events and leases come and go, and the controllers of a young cluster make
// their service accounts one after the other.
func sameAsNow(ctx context.Context, t testing.TB, node *bed.Node, got *receiver) {
	t.Helper()
	var now receiver
	_, err := cluster(t, node.RESTConfig(t)).Dump(ctx, &now, manifests.Options{})
	must(t, err)
	for key, entry := range now.objects {
		if entry.Class == manifests.User && key.Namespace != "kube-system" && got.objects[key].Hash != entry.Hash {
			t.Errorf("%s is %+v in the dump, %+v in another one", key, got.objects[key], entry)
		}
	}
}

// compact has etcd forget all that was before the moment of each call.
func compact(ctx context.Context, t testing.TB, node *bed.Node) (now func() error) {
	client := node.EtcdClient(t)
	return func() error {
		put, err := client.Put(ctx, "later", "than the instant")
		if err == nil {
			_, err = client.Compact(ctx, put.Header.Revision)
		}
		return err
	}
}

// compacted takes the instant away when the first page of the events has begun. The list is tried again at the
// same instant, and then the dump starts over.
func compacted(ctx context.Context, t *testing.T, node *bed.Node) {
	forget := compact(ctx, t, node)
	var r receiver
	var once sync.Once
	r.object = func(o *manifests.Object) (err error) {
		if o.Resource == "events" {
			once.Do(func() { err = forget() })
		}
		return err
	}
	report, err := cluster(t, node.RESTConfig(t)).Dump(ctx, &r, manifests.Options{PageSize: 100})
	must(t, err)
	if len(r.begins) != 2 || number(t, r.begins[0].ResourceVersion) >= number(t, r.begins[1].ResourceVersion) {
		t.Errorf("the dump began at %v, want two instants, the second one later", r.begins)
	}
	if report.Instant != r.begins[len(r.begins)-1] || !report.Complete() || len(r.twice) > 0 || report.Objects != len(r.objects) {
		t.Errorf("instant %v, missing %+v, twice %v, %d objects of %d",
			report.Instant, report.Missing(), r.twice, len(r.objects), report.Objects)
	}
	events := 0
	for key := range r.objects {
		if strings.HasPrefix(key.Name, "event-") {
			events++
		}
	}
	if events != 300 {
		t.Errorf("the dump has %d events, want 300", events)
	}
	sameAsNow(ctx, t, node, &r)
}

// compactedAlways takes each instant away.
func compactedAlways(ctx context.Context, t *testing.T, node *bed.Node) {
	forget := compact(ctx, t, node)
	var r receiver
	r.begin = func(manifests.Instant) error { return forget() }
	report, err := cluster(t, node.RESTConfig(t)).Dump(ctx, &r, manifests.Options{})
	if !apierrors.IsResourceExpired(err) || !strings.Contains(err.Error(), "the instant was gone 3 times") {
		t.Errorf("the error is %v, want that the instant is gone", err)
	}
	if len(r.begins) != 3 || report == nil || report.Complete() {
		t.Errorf("%d begins, report %+v", len(r.begins), report)
	}
}

// receiverFails ends the dump, whose error is the receiver's.
func receiverFails(ctx context.Context, t *testing.T, node *bed.Node) {
	var r receiver
	r.object = func(*manifests.Object) error {
		if len(r.objects) == 100 {
			return syscall.ENOSPC
		}
		return nil
	}
	report, err := cluster(t, node.RESTConfig(t)).Dump(ctx, &r, manifests.Options{})
	if !strings.Contains(fmt.Sprint(err), syscall.ENOSPC.Error()) || len(r.objects) != 100 || report.Complete() {
		t.Errorf("the error is %v after %d objects, complete: %t", err, len(r.objects), report.Complete())
	}
	r.begin = func(manifests.Instant) error { return syscall.EROFS }
	if _, err := cluster(t, node.RESTConfig(t)).Dump(ctx, &r, manifests.Options{}); !strings.Contains(fmt.Sprint(err), syscall.EROFS.Error()) {
		t.Errorf("the error is %v", err)
	}
}

// serverDies kills kube-apiserver in the middle of a dump, and for good.
func serverDies(ctx context.Context, t *testing.T, node *bed.Node) {
	state, _ := node.Pods.State("kube-apiserver")
	manifest, aside := filepath.Join(node.Root, "etc/kubernetes/manifests/kube-apiserver.yaml"), filepath.Join(node.Root, "aside.yaml")
	var r receiver
	r.object = func(*manifests.Object) error {
		if len(r.objects) == 300 {
			return errors.Join(os.Rename(manifest, aside), syscall.Kill(state.PID, syscall.SIGKILL))
		}
		return nil
	}
	report, err := cluster(t, node.RESTConfig(t)).Dump(ctx, &r, manifests.Options{})
	if err == nil || report == nil {
		t.Fatalf("the error is %v, the report %+v", err, report)
	}
	t.Log(err)
	failed := slices.DeleteFunc(report.Missing(), func(o manifests.Outcome) bool { return o.State != manifests.Failed || o.Why == "" })
	if report.Complete() || len(failed) != len(report.Missing()) {
		t.Errorf("missing are %+v, want resources that failed, with why", report.Missing())
	}
	must(t, os.Rename(aside, manifest))
	must(t, node.WaitAPI(ctx))
	report, err = cluster(t, node.RESTConfig(t)).Dump(ctx, new(receiver), manifests.Options{})
	must(t, err)
	if !report.Complete() {
		t.Errorf("when the server is back, missing are %+v", report.Missing())
	}
}
