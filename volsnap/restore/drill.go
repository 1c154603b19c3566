package restore

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/client-go/dynamic"

	"github.com/clustersnap/clustersnap/volsnap"
	"github.com/clustersnap/clustersnap/volsnap/internal/api"
)

const (
	// labelDrill is on everything that a drill makes, with its name.
	labelDrill = "clustersnap.github.io/drill"
	// drillPrefix begins the names of scratch namespaces. One without it is never deleted, whatever its labels.
	drillPrefix = "clustersnap-drill-"
	// removeLimit bounds the clearing up, whatever has become of the caller's context.
	removeLimit = 5 * time.Minute
)

// ErrCheck is the error of a check pod that has failed.
var ErrCheck = errors.New("the check pod has failed")

// DrillOptions are how to drill.
type DrillOptions struct {
	// Name tells drills apart, as the value of a label; "drill" if it is empty. One begins with removing what a killed one of
	// its name has left, so two of one name must not run at once.
	Name string
	// Claim is what the claim is to be like.
	Claim ClaimOptions
	// Pod makes the pod that looks at the data, in the scratch namespace, with the claim as a volume; it must end by itself.
	// The drill has succeeded when the pod has. If it is nil, a claim that is bound is enough: the storage had the snapshot.
	Pod func(claim string) *corev1.Pod
}

// Drilled is a drill that has ended. Nothing of it is left, or its error says what is.
type Drilled struct {
	Namespace string `json:"namespace"` // the scratch namespace that was
	PV        string `json:"pv,omitempty"`
	Size      int64  `json:"size,omitempty"` // capacity of the volume in bytes
	Checked   bool   `json:"checked"`        // a pod has looked at the data and has succeeded
	// Swept are the scratch namespaces of killed drills of the name, that were removed first.
	Swept []string `json:"swept,omitempty"`
}

// Drill proves that a snapshot can be restored from: it makes a claim of it in a scratch namespace, waits until the claim is
// bound and the check pod has succeeded, and removes all of that, whatever happened: pod, claim, volume, what was imported, and
// the namespace. The snapshot is only read. "Ready" is a claim of the driver; a drill is a fact.
func Drill(ctx context.Context, c *volsnap.Cluster, s volsnap.Snapshot, opts DrillOptions) (*Drilled, error) {
	d := &drill{in: c.Dynamic(), opts: opts, name: opts.Name}
	if d.name == "" {
		d.name = "drill"
	}
	err := d.run(ctx, s)
	if err != nil {
		return &d.done, fmt.Errorf("drill snapshot %s/%s: %w", s.Namespace, s.Name, err)
	}
	return &d.done, nil
}

// Sweep removes what killed drills of the name have left, and gives the scratch namespaces that were.
func Sweep(ctx context.Context, c *volsnap.Cluster, name string) ([]string, error) {
	d := &drill{in: c.Dynamic(), name: name}
	err := d.sweep(ctx)
	if err != nil {
		return d.done.Swept, fmt.Errorf("sweep drill %s: %w", name, err)
	}
	return d.done.Swept, nil
}

// drill is one call of Drill.
type drill struct {
	in    dynamic.Interface
	opts  DrillOptions
	name  string
	order *order
	done  Drilled
}

func (d *drill) run(ctx context.Context, s volsnap.Snapshot) (err error) {
	if err := d.sweep(ctx); err != nil {
		return fmt.Errorf("remove what an earlier one has left: %w", err)
	}
	if err := d.check(ctx, s); err != nil {
		return err
	}
	defer func() {
		own, cancel := context.WithTimeout(context.WithoutCancel(ctx), removeLimit)
		defer cancel()
		if failed := d.sweep1(own, d.done.Namespace); failed != nil {
			err = errors.Join(err, fmt.Errorf("namespace %s is left over: call Sweep: %w", d.done.Namespace, failed))
		}
	}()
	if err := d.makeNamespace(ctx); err != nil {
		return err
	}
	return d.restore(ctx)
}

// check makes all checks before anything is made.
func (d *drill) check(ctx context.Context, s volsnap.Snapshot) error {
	src, err := readSource(ctx, d.in, s.Namespace, s.Name)
	if err != nil {
		return err
	}
	like, err := src.claim(ctx)
	if err != nil {
		return err
	}
	var unique [5]byte
	rand.Read(unique[:]) // never fails
	d.done.Namespace = drillPrefix + hex.EncodeToString(unique[:])
	opts := d.opts.Claim
	opts.Labels = labelled(opts.Labels, d.name)
	d.order, err = newOrder(ctx, src, like, d.done.Namespace, "drill", opts)
	if err != nil {
		return err
	}
	d.order.labels = labelled(nil, d.name)
	if waits(d.order.class) && d.opts.Pod == nil {
		return fmt.Errorf("%w: storage class %s makes volumes only for pods: hand in a check pod", ErrUnfit, d.order.class.Name)
	}
	return nil
}

func (d *drill) restore(ctx context.Context) error {
	if err := d.order.place(ctx); err != nil {
		return err
	}
	if d.opts.Pod != nil {
		d.order.consumer = true
		if err := d.makePod(ctx); err != nil {
			return err
		}
	}
	r, err := d.order.finish(ctx)
	if err != nil {
		return err
	}
	d.done.PV = r.PV
	pv, err := d.disposable(ctx, r.PV)
	if err != nil {
		return err
	}
	capacity := pv.Spec.Capacity[corev1.ResourceStorage]
	d.done.Size = capacity.Value()
	if d.opts.Pod == nil {
		return nil
	}
	if err := d.succeeded(ctx); err != nil {
		return err
	}
	d.done.Checked = true
	return nil
}

func (d *drill) makeNamespace(ctx context.Context) error {
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: d.done.Namespace, Labels: labelled(nil, d.name)}}
	u, err := api.To(ns, api.Namespaces, "Namespace")
	if err != nil {
		return err
	}
	if _, err := d.in.Resource(api.Namespaces).Create(ctx, u, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("make scratch namespace: %w", err)
	}
	return nil
}

// labelled adds the label of a drill.
func labelled(labels map[string]string, name string) map[string]string {
	all := map[string]string{labelDrill: name}
	for key, value := range labels {
		if key != labelDrill {
			all[key] = value
		}
	}
	return all
}

// named refuses a name that is no value of a label, or would select everything.
func (d *drill) named() error {
	if why := validation.IsValidLabelValue(d.name); len(why) > 0 || d.name == "" {
		return fmt.Errorf("name a drill: %.100q is no value of a label", d.name)
	}
	return nil
}
