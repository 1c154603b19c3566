package main

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clustersnap/clustersnap/kubeadm/rehost"
	"github.com/clustersnap/clustersnap/pkibundle"
)

// What is made anew or is the kubelet's own does not come along, and what can't be moved is told.
func TestFilesOfAnotherHost(t *testing.T) {
	old := &pkibundle.Bundle{Files: []pkibundle.File{
		{Path: "etc/kubernetes/audit.yaml", Role: "referenced", Data: []byte("# of 10.0.0.11, not of 10.0.0.112, for cp1\n")},
		{Path: "etc/kubernetes/manifests/etcd.yaml", Role: "static-pod", Data: []byte("old")},
		{Path: "etc/kubernetes/pki/apiserver.crt", Role: "apiserver-cert", Data: []byte("old")},
		{Path: "etc/kubernetes/pki/extra", Role: "other", Link: "/srv/extra"},
		{Path: "var/lib/kubelet/kubeadm-flags.env", Role: "kubelet-config", Data: []byte("KUBELET_KUBEADM_ARGS=--v=1\n")},
		{Path: "var/lib/kubelet/pki/kubelet-client-current.pem", Role: "kubelet-client-pair", Link: "kubelet-client-1.pem"},
	}}
	m := &movedNode{
		from: rehost.Host{Name: "cp1", Address: netip.MustParseAddr("10.0.0.11")},
		to:   rehost.Host{Name: "cp1", Address: netip.MustParseAddr("10.0.0.12")}, bundle: &pkibundle.Bundle{},
	}
	m.copy(old, &rehost.Moved{Files: []rehost.File{{Path: "etc/kubernetes/manifests/etcd.yaml", Data: []byte("new")}}}, "cp1")
	var got []string
	for _, f := range m.bundle.Files {
		got = append(got, f.Path)
		if f.Role == "static-pod" && string(f.Data) != "new" {
			t.Errorf("%s is %q", f.Path, f.Data)
		}
	}
	want := []string{"etc/kubernetes/audit.yaml", "etc/kubernetes/manifests/etcd.yaml", "var/lib/kubelet/kubeadm-flags.env"}
	if !slices.Equal(got, want) {
		t.Errorf("files %v, want %v", got, want)
	}
	texts := m.lines()
	for i, want := range []string{
		"etc/kubernetes/audit.yaml: line 1: 10.0.0.11 is mentioned", "etc/kubernetes/pki/extra: it is a link to /srv/extra",
		"var/lib/kubelet/kubeadm-flags.env: it comes back as it was",
	} {
		if len(texts) != 3 || !strings.Contains(texts[i], want) {
			t.Errorf("found is %q, want 3 with %q", texts, want)
		}
	}
}

func TestVolumesOfTheOldMachine(t *testing.T) {
	at := func(node string) *corev1.VolumeNodeAffinity {
		of := []corev1.NodeSelectorRequirement{{Key: corev1.LabelHostname, Operator: corev1.NodeSelectorOpIn, Values: []string{node}}}
		return &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{
			NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchExpressions: of}},
		}}
	}
	past := &pastObjects{}
	for name, spec := range map[string]corev1.PersistentVolumeSpec{
		"here": {
			PersistentVolumeSource: corev1.PersistentVolumeSource{Local: &corev1.LocalVolumeSource{}}, NodeAffinity: at("cp1"),
			ClaimRef: &corev1.ObjectReference{Namespace: "db", Name: "data"},
		},
		"elsewhere": {
			PersistentVolumeSource: corev1.PersistentVolumeSource{Local: &corev1.LocalVolumeSource{}}, NodeAffinity: at("w1"),
		},
		"path":    {PersistentVolumeSource: corev1.PersistentVolumeSource{HostPath: &corev1.HostPathVolumeSource{}}},
		"storage": {PersistentVolumeSource: corev1.PersistentVolumeSource{CSI: &corev1.CSIPersistentVolumeSource{}}},
	} {
		past.take(&corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: spec})
	}
	lines := past.onDiskOf("cp1")
	slices.Sort(lines)
	if len(lines) != 2 || !strings.HasPrefix(lines[0], "volume here (claim db/data) is local to node cp1") ||
		!strings.HasPrefix(lines[1], "volume path (no claim) is a path") {
		t.Errorf("volumes that stay: %q", lines)
	}
}
