package cronjobs

import (
	"cmp"
	"reflect"
	"slices"
	"strings"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/clustersnap/clustersnap/kubeadm"
	"github.com/clustersnap/clustersnap/kubeadm/job"
)

// controlPlane holds the overlay against what the library renders for a real node of kubeadm. That the library's does its
// work is shown elsewhere.
func controlPlane(s *scene) {
	rendered := s.overlay("control-plane")
	declared, err := kubeadm.Read(kubeadm.NodeFS(s.node.Root), kubeadm.Options{})
	must(s, err)
	recipient := corev1.EnvVar{Name: "RECIPIENT", ValueFrom: &corev1.EnvVarSource{ConfigMapKeyRef: &corev1.ConfigMapKeySelector{
		LocalObjectReference: corev1.LocalObjectReference{Name: "clustersnap"}, Key: "recipient",
	}}}
	want, err := job.CronJob(declared, "17 * * * *", job.Container{
		Image:   "registry.example.org/clustersnap:v1",
		Command: strings.Fields("clustersnap backup --root /host --to file:///backup/ --events --recipient $(RECIPIENT)"),
		Mounts:  job.NodeFiles,
	}, job.Options{HostPath: "/var/backups/etcd", ServiceAccount: "clustersnap", Env: []corev1.EnvVar{recipient}})
	must(s, err)
	same(s, find[batchv1.CronJob](s, rendered, "CronJob"), inOrder(want))
	same(s, find[corev1.Namespace](s, rendered, "Namespace"), job.Namespace(""))
	if got := find[corev1.ConfigMap](s, rendered, "ConfigMap").Data["recipient"]; got != s.recipient+"\n" {
		s.Errorf("the recipient is %q", got)
	}
	s.letIn(s.cronJob())
}

// find reads the one object of a kind from what kubectl has rendered.
func find[T any](s *scene, rendered []byte, kind string) *T {
	s.Helper()
	var found *T
	for document := range strings.SplitSeq(string(rendered), "\n---\n") {
		if !strings.Contains("\n"+document, "\nkind: "+kind+"\n") {
			continue
		}
		if found != nil {
			s.Fatalf("there are two of kind %s", kind)
		}
		found = new(T)
		must(s, yaml.UnmarshalStrict([]byte(document), found))
	}
	if found == nil {
		s.Fatalf("nothing is of kind %s:\n%s", kind, rendered)
	}
	if cron, ok := any(found).(*batchv1.CronJob); ok {
		inOrder(cron)
	}
	return found
}

// inOrder sorts what has no order, as Kustomize puts what it adds first.
func inOrder(cron *batchv1.CronJob) *batchv1.CronJob {
	pod := &cron.Spec.JobTemplate.Spec.Template.Spec
	slices.SortFunc(pod.Volumes, func(a, b corev1.Volume) int { return cmp.Compare(a.Name, b.Name) })
	mounts := pod.Containers[0].VolumeMounts
	slices.SortFunc(mounts, func(a, b corev1.VolumeMount) int { return cmp.Compare(a.MountPath, b.MountPath) })
	return cron
}

func same[T any](s *scene, got, want *T) {
	s.Helper()
	if !reflect.DeepEqual(got, want) {
		a, err := job.YAML(got)
		must(s, err)
		b, err := job.YAML(want)
		must(s, err)
		s.Errorf("the overlay renders\n%s\nand the library\n%s", a, b)
	}
}
