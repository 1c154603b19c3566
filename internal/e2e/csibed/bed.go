package csibed

import (
	"testing"
	"time"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/clustersnap/clustersnap/internal/e2e/bed"
	"github.com/clustersnap/clustersnap/internal/e2e/csibed/driver"
	"github.com/clustersnap/clustersnap/internal/e2e/peers"
)

// Options say what kind of stack a test wants. The zero value is one driver of folders, and controllers that are not held
// back by their own limit.
type Options struct {
	// Drivers serve on this cluster. None is one new driver with its zero options.
	Drivers []*driver.Driver
	// QPS is how many calls per second each of the two controllers of snapshots may make, with a burst of twice as many.
	// 0 is 500; [Stock] leaves them what they have by themselves: 5, with a burst of 10.
	QPS int
	// CallTimeout is for a call of the sidecar to the driver. 0 leaves it the stock minute.
	CallTimeout time.Duration
}

// Stock is the QPS of controllers that are started without flags for it.
const Stock = -1

// Bed is a control plane with a CSI stack.
type Bed struct {
	Node       *bed.Node
	Drivers    []*driver.Driver
	Controller *Program            // snapshot-controller
	Sidecars   map[string]*Program // csi-snapshotter by name of the driver
	Config     *rest.Config        // with all rights and no limit. The caller copies it to change it
	Client     kubernetes.Interface
	Dynamic    dynamic.Interface

	opts    Options
	life    testing.TB // the test that started the bed: what others of its tests start for all ends with it
	kubelet *kubelet
}

// Start starts the stack on a control plane and returns when the snapshot API is served. If it can't be started, the
// test ends as failed.
func Start(t testing.TB, node *bed.Node, opts Options) *Bed {
	t.Helper()
	return StartEach(t, []*bed.Node{node}, opts)[0]
}

// StartEach starts the stack on several control planes, with the same drivers. One call after another would be a data race:
// each provisioner adds to the scheme that those who run read by.
func StartEach(t testing.TB, nodes []*bed.Node, opts Options) []*Bed {
	t.Helper()
	switch opts.QPS {
	case 0:
		opts.QPS = 500
	case Stock:
		opts.QPS = 0
	}
	if len(opts.Drivers) == 0 {
		opts.Drivers = []*driver.Driver{driver.Start(t, driver.Options{})}
	}
	var beds []*Bed
	var runs []func()
	for _, node := range nodes {
		b := start(t, node, opts)
		beds = append(beds, b)
		for _, d := range opts.Drivers {
			runs = append(runs, b.add(t, d))
		}
	}
	for _, run := range runs {
		run()
	}
	return beds
}

// start starts the stack without its drivers.
func start(t testing.TB, node *bed.Node, opts Options) *Bed {
	t.Helper()
	config := node.RESTConfig(t)
	config.WarningHandler = rest.NoWarnings{}
	b := &Bed{Node: node, Config: config, Sidecars: make(map[string]*Program), opts: opts, life: t}
	var err error
	if b.Client, err = kubernetes.NewForConfig(config); err != nil {
		t.Fatal(err)
	}
	if b.Dynamic, err = dynamic.NewForConfig(config); err != nil {
		t.Fatal(err)
	}
	b.installCRDs(t)
	args := append([]string{"--kubeconfig=" + node.Kubeconfig(), "--v=1"}, limits(opts.QPS)...)
	b.Controller = newProgram(t, node, peers.SnapshotController.Path(t), args...)
	return b
}

// add has a driver serve on this cluster: with its classes, its sidecar and a provisioner, which is still to be run.
func (b *Bed) add(t testing.TB, d *driver.Driver) (run func()) {
	t.Helper()
	b.Drivers = append(b.Drivers, d)
	b.makeClasses(t, d.Name)
	args := append([]string{"--kubeconfig=" + b.Node.Kubeconfig(), "--csi-address=" + d.Socket, "--v=2"}, limits(b.opts.QPS)...)
	if b.opts.CallTimeout > 0 {
		args = append(args, "--timeout="+b.opts.CallTimeout.String())
	}
	b.Sidecars[d.Name] = newProgram(t, b.Node, peers.CSISnapshotter.Path(t), args...)
	return b.provision(t, d)
}

// driver is the one of a name.
func (b *Bed) driver(t testing.TB, name string) *driver.Driver {
	t.Helper()
	for _, d := range b.Drivers {
		if d.Name == name {
			return d
		}
	}
	t.Fatalf("no driver %q serves here", name)
	return nil
}
