package volrestores

import (
	"errors"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/clustersnap/clustersnap/volsnap"
	"github.com/clustersnap/clustersnap/volsnap/restore"
)

// strangersTest: kube-controller-manager binds a claim of a snapshot to any volume of the class that is available. Such a
// volume is never taken for the copy, and is left as it was.
func strangersTest(t *testing.T, p *place) {
	p.Namespace(t, "strangers")
	p.claim(t, "strangers", "db", "monday")
	s := p.snapshot(t, "strangers", "s", "db")
	old := p.volume(t, "strangers", "db")
	p.claim(t, "strangers", "precious", "precious")
	pv := p.volume(t, "strangers", "precious")
	_, handle := p.DriverOf(t, "strangers", "precious")
	for _, policy := range []corev1.PersistentVolumeReclaimPolicy{"Retain", "Delete"} {
		p.stranger(t, pv, policy)
		left := func(by string) {
			t.Helper()
			if !slices.Contains(p.d.Volumes(), handle) {
				t.Fatalf("%s has deleted somebody else's volume", by)
			}
			p.available(t, pv)
			if got := p.policy(t, pv); got != "Retain" { // else it would go with the next claim
				t.Errorf("%s has left it with policy %s", by, got)
			}
			p.none(t, volumes, "", drillLabel)
			p.none(t, namespaces, "", drillLabel)
		}
		_, err := restore.Claim(stuck(t), p.cluster, s, "strangers", "copy", restore.ClaimOptions{})
		if !errors.Is(err, restore.ErrStranger) {
			t.Errorf("claim: %v", err)
		}
		left("Claim")
		if policy == "Delete" { // a namespace takes seconds to go
			strangeDrillTest(t, p, s, left)
		}
		_, err = restore.Swap(stuck(t), p.cluster, s, "strangers", "db", restore.SwapOptions{})
		if !errors.Is(err, restore.ErrStranger) {
			t.Errorf("swap: %v", err)
		}
		left("Swap")
		p.asBefore(t, "strangers", "db", old)
		p.holds(t, "strangers", "db", "monday")
	}
	must(t, p.Client.CoreV1().PersistentVolumes().Delete(stuck(t), pv, metav1.DeleteOptions{})) // else others would get it
	p.Gone(t, volumes, "", pv)
}

func strangeDrillTest(t *testing.T, p *place, s volsnap.Snapshot, left func(by string)) {
	_, err := restore.Drill(stuck(t), p.cluster, s, restore.DrillOptions{Name: "stranger"})
	if !errors.Is(err, restore.ErrStranger) {
		t.Errorf("drill: %v", err)
	}
	left("Drill")
	// Killed before it has seen what it was given: at its claim, which is the last write until then but those of the import.
	cluster, _ := p.faulty(t, fault{at: 4, sent: true, killed: true})
	first, err := restore.Drill(stuck(t), cluster, s, restore.DrillOptions{Name: "stranger"})
	if err == nil {
		t.Error("a killed drill has ended")
	}
	p.Bound(t, first.Namespace, "drill")
	_, err = restore.Sweep(stuck(t), p.cluster, "stranger")
	must(t, err)
	left("Sweep")
}

// stranger makes a volume available that has data.
func (p *place) stranger(t *testing.T, pv string, policy corev1.PersistentVolumeReclaimPolicy) {
	t.Helper()
	p.patch(t, volumes, "", pv, `{"spec":{"persistentVolumeReclaimPolicy":"Retain"}}`)
	if slices.Contains(p.names(t, claims, "strangers", ""), "precious") {
		must(t, p.Client.CoreV1().PersistentVolumeClaims("strangers").Delete(stuck(t), "precious", metav1.DeleteOptions{}))
		p.Gone(t, claims, "strangers", "precious")
	}
	p.patch(t, volumes, "", pv, `{"spec":{"claimRef":null}}`)
	p.available(t, pv)
	p.patch(t, volumes, "", pv, `{"spec":{"persistentVolumeReclaimPolicy":"`+string(policy)+`"}}`)
}

func (p *place) available(t *testing.T, pv string) {
	t.Helper()
	p.Until(t, volumes, "", pv, func(o *unstructured.Unstructured) bool {
		phase, _, _ := unstructured.NestedString(o.Object, "status", "phase")
		return phase == "Available"
	})
}
