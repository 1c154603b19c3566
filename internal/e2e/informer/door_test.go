package informer

import (
	"context"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/rest"

	"github.com/clustersnap/clustersnap/internal/e2e/bed"
)

const namespace = "default"

// label is that of the ConfigMaps of these tests: the control plane writes some, too.
const label = "informer-test"

type lister = corelisters.ConfigMapNamespaceLister

// inform starts client-go's informer, as controllers use it: it never asks for what it believes to have.
func inform(t *testing.T, config *rest.Config) lister {
	t.Helper()
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	factory := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithNamespace(namespace),
		informers.WithTweakListOptions(func(o *metav1.ListOptions) { o.LabelSelector = label }))
	maps := factory.Core().V1().ConfigMaps().Lister()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	factory.StartWithContext(ctx)
	t.Cleanup(func() {
		cancel()
		factory.Shutdown()
	})
	return maps.ConfigMaps(namespace)
}

// door is the informer's way to kube-apiserver. While it is shut the informer's connections wait, instead of being refused: a
// refused one is tried again after up to a minute.
type door struct {
	node *bed.Node

	mu     sync.Mutex
	opened chan struct{} // closed while the door is open
	conns  []net.Conn
	passed []request
}

// request is one for ConfigMaps that kube-apiserver has answered well, be it with an event that is an error.
type request struct {
	list      bool  // or a watch that begins with what a list would give
	watchFrom int64 // the resourceVersion of any other watch
}

func newDoor(node *bed.Node) *door {
	d := &door{node: node, opened: make(chan struct{})}
	close(d.opened)
	return d
}

// through changes a config so that its clients go through the door.
func (d *door) through(config *rest.Config) *rest.Config {
	config.Dial = d.dial
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return &doorkeeper{d, next} })
	return config
}

func (d *door) dial(ctx context.Context, network, address string) (net.Conn, error) {
	d.mu.Lock()
	opened := d.opened
	d.mu.Unlock()
	select {
	case <-opened:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	conn, err := d.node.DialContext(ctx, network, address)
	if err == nil {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.conns = append(d.conns, conn)
	}
	return conn, err
}

// shut ends all connections, as a crash of kube-apiserver would.
func (d *door) shut() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.opened = make(chan struct{})
	for _, conn := range d.conns {
		conn.Close()
	}
	d.conns = nil
}

func (d *door) open() {
	d.mu.Lock()
	defer d.mu.Unlock()
	close(d.opened)
}

func (d *door) requests() []request {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.passed)
}

// doorkeeper notes what is asked for.
type doorkeeper struct {
	door *door
	next http.RoundTripper
}

func (k *doorkeeper) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := k.next.RoundTrip(r)
	if err != nil || response.StatusCode != http.StatusOK {
		return response, err
	}
	query := r.URL.Query()
	passed := request{list: !query.Has("watch") || query.Has("sendInitialEvents")}
	if !passed.list {
		if passed.watchFrom, err = strconv.ParseInt(query.Get("resourceVersion"), 10, 64); err != nil {
			return nil, err
		}
	}
	k.door.mu.Lock()
	defer k.door.mu.Unlock()
	k.door.passed = append(k.door.passed, passed)
	return response, nil
}
