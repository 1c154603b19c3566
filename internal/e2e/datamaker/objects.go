package datamaker

import (
	"fmt"
	"math/rand/v2"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// kind is one kind of object: how many of a thousand objects there are of it, and how large they are.
type kind struct {
	share     int
	resource  string // as in keys of etcd
	low, high int    // bytes of payload
	leased    bool   // gone with a lease of etcd, as events are
	make      func(metav1.ObjectMeta, draft) storable
}

type storable interface {
	runtime.Object
	metav1.Object
}

// kinds are those that fill a cluster's etcd. The few ConfigMaps and Secrets of half a megabyte are bundles of
// dashboards and Helm releases.
func kinds() []kind {
	return []kind{
		{300, "pods", 2 << 10, 9 << 10, false, pod},
		{90, "replicasets", 2 << 10, 6 << 10, false, replicaSet},
		{260, "events", 300, 900, true, event},
		{120, "leases", 0, 50, false, lease},
		{80, "configmaps", 200, 4 << 10, false, configMap},
		{25, "configmaps", 16 << 10, 96 << 10, false, configMap},
		{3, "configmaps", 300 << 10, 700 << 10, false, configMap},
		{90, "secrets", 500, 4 << 10, false, secret},
		{29, "secrets", 8 << 10, 64 << 10, false, secret},
		{3, "secrets", 200 << 10, 700 << 10, false, secret},
	}
}

// draft is what an object is filled with.
type draft struct {
	r    *rand.Rand
	text text
	size int // bytes of payload
}

func pod(meta metav1.ObjectMeta, d draft) storable {
	return &corev1.Pod{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: meta,
		Spec:       podSpec(d),
		Status: corev1.PodStatus{
			Phase:             corev1.PodRunning,
			PodIP:             fmt.Sprintf("10.244.%d.%d", d.r.IntN(256), d.r.IntN(256)),
			ContainerStatuses: []corev1.ContainerStatus{{Name: "app", Ready: true, RestartCount: int32(d.r.IntN(9))}},
		},
	}
}

func replicaSet(meta metav1.ObjectMeta, d draft) storable {
	replicas := int32(d.r.IntN(4))
	return &appsv1.ReplicaSet{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "ReplicaSet"},
		ObjectMeta: meta,
		Spec: appsv1.ReplicaSetSpec{
			Replicas: &replicas,
			Selector: &metav1.LabelSelector{MatchLabels: meta.Labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: meta.Labels}, Spec: podSpec(d)},
		},
		Status: appsv1.ReplicaSetStatus{Replicas: replicas, ReadyReplicas: replicas},
	}
}

// podSpec is one container with its payload in the environment.
func podSpec(d draft) corev1.PodSpec {
	const value = 64
	env := make([]corev1.EnvVar, d.size/(value+20))
	for i := range env {
		env[i] = corev1.EnvVar{Name: fmt.Sprintf("APP_SETTING_%03d", i), Value: some(d.r, d.text.prose, value)}
	}
	return corev1.PodSpec{
		ServiceAccountName: "default",
		NodeName:           fmt.Sprintf("worker-%d", d.r.IntN(100)),
		Containers: []corev1.Container{{
			Name:  "app",
			Image: fmt.Sprintf("registry.example.com/app:1.%d.0", d.r.IntN(40)),
			Env:   env,
		}},
	}
}

func event(meta metav1.ObjectMeta, d draft) storable {
	return &corev1.Event{
		TypeMeta:       metav1.TypeMeta{APIVersion: "v1", Kind: "Event"},
		ObjectMeta:     meta,
		InvolvedObject: corev1.ObjectReference{Kind: "Pod", Namespace: meta.Namespace, Name: meta.Name},
		Reason:         "Scheduled",
		Message:        some(d.r, d.text.prose, d.size),
		Type:           corev1.EventTypeNormal,
		Count:          int32(d.r.IntN(20)),
	}
}

func lease(meta metav1.ObjectMeta, d draft) storable {
	holder := some(d.r, d.text.noise, 36+d.size)
	renewed := metav1.NewMicroTime(born.Add(time.Duration(d.r.IntN(1e9)) * time.Microsecond))
	return &coordinationv1.Lease{
		TypeMeta:   metav1.TypeMeta{APIVersion: "coordination.k8s.io/v1", Kind: "Lease"},
		ObjectMeta: meta,
		Spec:       coordinationv1.LeaseSpec{HolderIdentity: &holder, RenewTime: &renewed},
	}
}

func configMap(meta metav1.ObjectMeta, d draft) storable {
	return &corev1.ConfigMap{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
		ObjectMeta: meta,
		Data:       map[string]string{"settings.conf": some(d.r, d.text.prose, d.size)},
	}
}

func secret(meta metav1.ObjectMeta, d draft) storable {
	return &corev1.Secret{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
		ObjectMeta: meta,
		Type:       corev1.SecretTypeOpaque,
		Data:       map[string][]byte{"data": []byte(some(d.r, d.text.noise, d.size))},
	}
}
