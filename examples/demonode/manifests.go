package demonode

import (
	"fmt"
	"os"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/yaml"
)

const manifestsDir = "etc/kubernetes/manifests"

// component is what one static pod of the control plane does not share with the others.
type component struct {
	name, image string
	flags       []string
	requests    corev1.ResourceList
	mounts      []mount
	annotations map[string]string

	port                 int32
	scheme               corev1.URIScheme
	live, ready, started string // probe paths; the controller manager has none for ready
}

// mount is a path of the node that the container sees under the same name.
type mount struct {
	name, path string
	kind       corev1.HostPathType
	readOnly   bool
}

// writeManifests writes the static pods of the control plane, as kubeadm 1.37 renders them.
func writeManifests(tree *os.Root, m member) error {
	if err := tree.MkdirAll(manifestsDir, 0o700); err != nil {
		return fmt.Errorf("write %s: %w", manifestsDir, err)
	}
	for _, c := range []component{etcd(m), apiserver(m), controllerManager(), scheduler()} {
		data, err := yaml.Marshal(c.pod())
		if err != nil {
			return fmt.Errorf("render manifest %s: %w", c.name, err)
		}
		if err := writeFile(tree, manifestsDir+"/"+c.name+".yaml", data, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// pod follows ComponentPod in cmd/kubeadm/app/util/staticpod/utils.go, v1.37.
func (c component) pod() corev1.Pod {
	priority := int32(2000001000) // of system-node-critical
	pod := corev1.Pod{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: metav1.ObjectMeta{
			Name:        c.name,
			Namespace:   metav1.NamespaceSystem,
			Labels:      map[string]string{"component": c.name, "tier": "control-plane"},
			Annotations: c.annotations,
		},
		Spec: corev1.PodSpec{
			Containers:        []corev1.Container{c.container()},
			HostNetwork:       true,
			Priority:          &priority,
			PriorityClassName: "system-node-critical",
			SecurityContext: &corev1.PodSecurityContext{
				SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
			},
		},
	}
	for _, m := range c.mounts {
		pod.Spec.Volumes = append(pod.Spec.Volumes, corev1.Volume{
			Name:         m.name,
			VolumeSource: corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: m.path, Type: &m.kind}},
		})
	}
	return pod
}

func (c component) container() corev1.Container {
	container := corev1.Container{
		Name:            c.name,
		Image:           c.image,
		ImagePullPolicy: corev1.PullIfNotPresent,
		Command:         append([]string{c.name}, c.flags...),
		Resources:       corev1.ResourceRequirements{Requests: c.requests},
		Ports:           []corev1.ContainerPort{{Name: "probe-port", ContainerPort: c.port, Protocol: corev1.ProtocolTCP}},
		LivenessProbe:   c.probe(c.live, 10, 10, 8),
		ReadinessProbe:  c.probe(c.ready, 0, 1, 3),
		StartupProbe:    c.probe(c.started, 10, 10, 24),
	}
	for _, m := range c.mounts {
		container.VolumeMounts = append(container.VolumeMounts, corev1.VolumeMount{
			Name: m.name, MountPath: m.path, ReadOnly: m.readOnly,
		})
	}
	return container
}

// probe asks path every period seconds; without a path there is no probe.
func (c component) probe(path string, delay, period, failures int32) *corev1.Probe {
	if path == "" {
		return nil
	}
	return &corev1.Probe{
		ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{
			Host: "127.0.0.1", Path: path, Port: intstr.FromString("probe-port"), Scheme: c.scheme,
		}},
		InitialDelaySeconds: delay,
		PeriodSeconds:       period,
		FailureThreshold:    failures,
		TimeoutSeconds:      15,
	}
}
