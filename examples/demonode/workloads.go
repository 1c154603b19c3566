package demonode

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

func deployment(d draft) (string, storable) {
	replicas, history, deadline := int32(2), int32(10), int32(600)
	quarter := intstr.FromString("25%")
	d.meta.Generation = 1
	return "deployments", &appsv1.Deployment{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"},
		ObjectMeta: d.meta,
		Spec: appsv1.DeploymentSpec{
			Replicas:                &replicas,
			RevisionHistoryLimit:    &history,
			ProgressDeadlineSeconds: &deadline,
			Selector:                &metav1.LabelSelector{MatchLabels: d.meta.Labels},
			Strategy: appsv1.DeploymentStrategy{
				Type:          appsv1.RollingUpdateDeploymentStrategyType,
				RollingUpdate: &appsv1.RollingUpdateDeployment{MaxUnavailable: &quarter, MaxSurge: &quarter},
			},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: d.meta.Labels}, Spec: podSpec(d)},
		},
		Status: appsv1.DeploymentStatus{ObservedGeneration: 1, Replicas: 2, UpdatedReplicas: 2, ReadyReplicas: 2, AvailableReplicas: 2},
	}
}

func pod(d draft) (string, storable) {
	spec := podSpec(d)
	spec.NodeName = nodeName
	return "pods", &corev1.Pod{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: d.meta,
		Spec:       spec,
		Status: corev1.PodStatus{
			Phase:    corev1.PodRunning,
			QOSClass: corev1.PodQOSBurstable,
			HostIP:   "127.0.0.1",
			PodIP:    fmt.Sprintf("10.%d.%d.%d", 244+d.i>>16&3, d.i>>8&255, d.i&255),
			Conditions: []corev1.PodCondition{
				{Type: corev1.PodScheduled, Status: corev1.ConditionTrue},
				{Type: corev1.PodInitialized, Status: corev1.ConditionTrue},
				{Type: corev1.ContainersReady, Status: corev1.ConditionTrue},
				{Type: corev1.PodReady, Status: corev1.ConditionTrue},
			},
			ContainerStatuses: []corev1.ContainerStatus{{Name: "app", Image: spec.Containers[0].Image, Ready: true}},
		},
	}
}

// podSpec is one container, whose settings in the environment bring a Pod to 3 to 8 KB.
func podSpec(d draft) corev1.PodSpec {
	settings := make([]corev1.EnvVar, 45+d.r.IntN(70))
	for i := range settings {
		settings[i] = corev1.EnvVar{Name: fmt.Sprintf("APP_SETTING_%02d", i), Value: prose(d.r, 30)}
	}
	grace := int64(corev1.DefaultTerminationGracePeriodSeconds)
	return corev1.PodSpec{
		ServiceAccountName:            "default",
		RestartPolicy:                 corev1.RestartPolicyAlways,
		DNSPolicy:                     corev1.DNSClusterFirst,
		SchedulerName:                 corev1.DefaultSchedulerName,
		TerminationGracePeriodSeconds: &grace,
		SecurityContext:               &corev1.PodSecurityContext{},
		Containers: []corev1.Container{{
			Name:                     "app",
			Image:                    fmt.Sprintf("registry.example.com/%s/%s:1.%d.0", d.meta.Namespace, d.meta.Name, d.r.IntN(40)),
			ImagePullPolicy:          corev1.PullIfNotPresent,
			Env:                      settings,
			Ports:                    []corev1.ContainerPort{{Name: "http", ContainerPort: 8080, Protocol: corev1.ProtocolTCP}},
			TerminationMessagePath:   corev1.TerminationMessagePathDefault,
			TerminationMessagePolicy: corev1.TerminationMessageReadFile,
			Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{
				corev1.ResourceCPU:    resource.MustParse("100m"),
				corev1.ResourceMemory: resource.MustParse("128Mi"),
			}},
		}},
	}
}
