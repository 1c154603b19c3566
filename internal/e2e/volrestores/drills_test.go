package volrestores

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/clustersnap/clustersnap/internal/e2e/csibed"
	"github.com/clustersnap/clustersnap/volsnap"
	"github.com/clustersnap/clustersnap/volsnap/restore"
)

const (
	drillLabel = "clustersnap.github.io/drill"
	// drillWrites are the writes of a drill without a pod, if no controller writes what is to be deleted just before.
	drillWrites = 12
)

// drillTest: a drill proves what it says, and leaves nothing, whatever happens.
func drillTest(t *testing.T, p *place) {
	p.Namespace(t, "drilled")
	p.claim(t, "drilled", "db", "text")
	s := p.snapshot(t, "drilled", "s", "db")
	lost := p.snapshot(t, "drilled", "lost", "db")
	p.d.Forget(t, lost.Handle)
	snapshots, had := p.d.Snapshots(), p.d.Volumes()
	left := func(t *testing.T) {
		t.Helper()
		p.none(t, namespaces, "", drillLabel)
		p.none(t, volumes, "", drillLabel)
		p.none(t, csibed.Contents, "", drillLabel)
		if now := p.d.Snapshots(); !slices.Equal(now, snapshots) {
			t.Errorf("the driver had the snapshots %q, and has %q", snapshots, now)
		}
		if now := p.d.Volumes(); !slices.Equal(now, had) {
			t.Errorf("the driver had the volumes %q, and has %q", had, now)
		}
	}
	t.Run("at once", func(t *testing.T) { drillsTest(t, p, s, lost) })
	left(t)
	t.Run("refused", func(t *testing.T) { refusedDrillTest(t, p, s) })
	left(t)
}

// drillsTest runs drills of several names at once: a namespace takes seconds to go.
func drillsTest(t *testing.T, p *place, s, lost volsnap.Snapshot) {
	class := p.keeping(t)
	t.Run("bound", func(t *testing.T) {
		t.Parallel()
		cluster, writes := p.faulty(t, fault{})
		got, err := restore.Drill(stuck(t), cluster, s, restore.DrillOptions{})
		must(t, err)
		if n := writes(); n < drillWrites || n > drillWrites+2 {
			t.Errorf("a drill without a pod has %d writes, and is killed at each of %d: look at both", n, drillWrites)
		}
		if got.Size != 1<<20 || got.Checked || got.PV == "" {
			t.Errorf("got %+v", *got)
		}
	})
	t.Run("checked", func(t *testing.T) {
		t.Parallel()
		kept := restore.ClaimOptions{StorageClass: class} // its volumes stay unless somebody cares
		got, err := p.drill(t, s, "checked", kept, func(namespace string) {
			p.holds(t, namespace, "drill", "text")
			p.patch(t, pods, namespace, "check", `{"status":{"phase":"Succeeded"}}`, "status")
		})
		must(t, err)
		if !got.Checked {
			t.Errorf("got %+v", *got)
		}
	})
	t.Run("the check fails", func(t *testing.T) {
		t.Parallel()
		got, err := p.drill(t, s, "fails", restore.ClaimOptions{}, func(namespace string) {
			p.patch(t, pods, namespace, "check", `{"status":{"phase":"Failed","message":"rows are lost"}}`, "status")
		})
		if !errors.Is(err, restore.ErrCheck) || !strings.Contains(err.Error(), "rows are lost") || got.Checked {
			t.Errorf("got %+v, %v", *got, err)
		}
	})
	t.Run("the storage has lost it", func(t *testing.T) {
		t.Parallel()
		_, err := restore.Drill(stuck(t), p.cluster, lost, restore.DrillOptions{Name: "lost"})
		if !errors.Is(err, restore.ErrNotReady) {
			t.Errorf("got %v", err)
		}
	})
	killedDrillsTest(t, p, s)
}

// refusedDrillTest: nothing is made for a drill that can't be, and nothing is deleted that is no drill's.
func refusedDrillTest(t *testing.T, p *place, s volsnap.Snapshot) {
	for name, opts := range map[string]restore.DrillOptions{
		"no pod to wait for": {Claim: restore.ClaimOptions{StorageClass: csibed.Waiting(p.d.Name)}},
		"too small":          {Claim: restore.ClaimOptions{Size: 1}},
	} {
		if _, err := restore.Drill(stuck(t), p.cluster, s, opts); !errors.Is(err, restore.ErrUnfit) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := restore.Drill(stuck(t), p.cluster, s, restore.DrillOptions{Name: "a b"}); err == nil {
		t.Error("a name that is no label is taken")
	}
	p.Namespace(t, "innocent")
	p.patch(t, namespaces, "", "innocent", `{"metadata":{"labels":{"`+drillLabel+`":"drill"}}}`)
	if _, err := restore.Sweep(stuck(t), p.cluster, "drill"); err == nil || !strings.Contains(err.Error(), "innocent") {
		t.Errorf("got %v", err)
	}
	ns, err := p.Client.CoreV1().Namespaces().Get(stuck(t), "innocent", metav1.GetOptions{})
	if err != nil || ns.DeletionTimestamp != nil {
		t.Errorf("a namespace that is no drill's was deleted (%v)", err)
	}
	p.patch(t, namespaces, "", "innocent", `{"metadata":{"labels":{"`+drillLabel+`":null}}}`)
}

// killedDrillsTest kills a drill at each of its writes. The next one of its name removes what is left.
func killedDrillsTest(t *testing.T, p *place, s volsnap.Snapshot) {
	for at := 1; at <= drillWrites; at++ {
		t.Run(fmt.Sprintf("killed at %d", at), func(t *testing.T) {
			t.Parallel()
			opts := restore.DrillOptions{Name: fmt.Sprintf("killed-%d", at)}
			cluster, _ := p.faulty(t, fault{at: at, sent: true, killed: true})
			first, err := restore.Drill(stuck(t), cluster, s, opts)
			if err == nil {
				t.Error("it has ended")
			}
			there := p.names(t, namespaces, "", drillLabel+"="+opts.Name)
			swept, err := restore.Sweep(stuck(t), p.cluster, opts.Name)
			must(t, err)
			if !slices.Equal(swept, there) || len(there) > 1 || len(there) == 1 && there[0] != first.Namespace {
				t.Errorf("there was %q, of %q, and %q was swept", there, first.Namespace, swept)
			}
		})
	}
}

// drill runs a drill with a check pod, and what the kubelet and the pod would do.
func (p *place) drill(
	t *testing.T, s volsnap.Snapshot, name string, claim restore.ClaimOptions, kubelet func(namespace string),
) (*restore.Drilled, error) {
	t.Helper()
	w, err := p.Client.CoreV1().Pods("").Watch(stuck(t), metav1.ListOptions{LabelSelector: drillLabel + "=" + name})
	must(t, err)
	defer w.Stop()
	ended := make(chan error, 1)
	var got *restore.Drilled
	ctx := stuck(t)
	go func() {
		var err error
		got, err = restore.Drill(ctx, p.cluster, s, restore.DrillOptions{Name: name, Claim: claim, Pod: checkPod})
		ended <- err
	}()
	for {
		select {
		case err := <-ended:
			return got, err
		case e := <-w.ResultChan():
			if pod, is := e.Object.(*corev1.Pod); is && e.Type == watch.Added {
				p.Bound(t, pod.Namespace, "drill")
				kubelet(pod.Namespace)
			}
		}
	}
}

func checkPod(claim string) *corev1.Pod {
	return &corev1.Pod{Spec: corev1.PodSpec{
		Containers: []corev1.Container{{Name: "check", Image: "check"}},
		Volumes: []corev1.Volume{{Name: "data", VolumeSource: corev1.VolumeSource{
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim},
		}}},
	}}
}

// keeping is a StorageClass whose volumes stay when their claims go.
func (p *place) keeping(t *testing.T) string {
	t.Helper()
	class, err := p.Client.StorageV1().StorageClasses().Get(stuck(t), p.d.Name, metav1.GetOptions{})
	must(t, err)
	class.ObjectMeta, class.ReclaimPolicy = metav1.ObjectMeta{Name: "keeping"}, new(corev1.PersistentVolumeReclaimPolicy)
	*class.ReclaimPolicy = corev1.PersistentVolumeReclaimRetain
	_, err = p.Client.StorageV1().StorageClasses().Create(stuck(t), class, metav1.CreateOptions{})
	must(t, err)
	return "keeping"
}
