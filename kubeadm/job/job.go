package job

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/clustersnap/clustersnap/kubeadm"
)

// Options changes what is rendered. One of HostPath and Claim is needed, unless the command sends its backups elsewhere, as to an
// object store, and names nothing below Destination.
type Options struct {
	// Name and Namespace are the object's; empty means "clustersnap" and "clustersnap".
	Name, Namespace string
	// HostPath is a directory of the node for backups, which is made if it is missing. Claim is a PersistentVolumeClaim.
	HostPath, Claim string
	// Node is the one node to run on, by its label kubernetes.io/hostname. Empty means any with a role that has an etcd.
	Node string
	// Deadline is how long one run may take, an hour if it is 0.
	Deadline time.Duration
	// ServiceAccount is whose token the pod is given, in the same namespace: a command that asks the API server, as for all
	// objects, has its rights. Empty means no token.
	ServiceAccount string
	// Env is given to the container, such as the credential of an object store from a Secret.
	Env []corev1.EnvVar
}

const (
	deadline = time.Hour
	history  = 3 // finished jobs that are kept of each kind
	retries  = 2
	// late is how long after its time a run may begin. Without a bound a CronJob that has missed 100 runs never starts again
	// (pkg/controller/cronjob in kubernetes/kubernetes).
	late = 10 * time.Minute
	// maxCronName leaves room for what is put behind the name of each job (pkg/apis/batch/validation).
	maxCronName = 52
)

// CronJob renders the backup of a node at the times of schedule, which is in the form of cron.
func CronJob(node *kubeadm.Node, schedule string, c Container, opts Options) (*batchv1.CronJob, error) {
	spec, err := newSpec(node, c, opts)
	switch {
	case err != nil:
	case schedule == "":
		err = errors.New("no schedule is given")
	case len(opts.Name) > maxCronName:
		err = fmt.Errorf("the name %q has more than %d characters", opts.Name, maxCronName)
	}
	if err != nil {
		return nil, fmt.Errorf("render CronJob: %w", err)
	}
	keep, start := int32(history), int64(late/time.Second)
	return &batchv1.CronJob{
		TypeMeta:   metav1.TypeMeta{APIVersion: "batch/v1", Kind: "CronJob"},
		ObjectMeta: opts.meta(),
		Spec: batchv1.CronJobSpec{
			Schedule:                   schedule,
			ConcurrencyPolicy:          batchv1.ForbidConcurrent,
			StartingDeadlineSeconds:    &start,
			SuccessfulJobsHistoryLimit: &keep,
			FailedJobsHistoryLimit:     &keep,
			JobTemplate:                batchv1.JobTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: opts.labels()}, Spec: *spec},
		},
	}, nil
}

// Job renders one backup of a node, at once.
func Job(node *kubeadm.Node, c Container, opts Options) (*batchv1.Job, error) {
	spec, err := newSpec(node, c, opts)
	if err != nil {
		return nil, fmt.Errorf("render Job: %w", err)
	}
	return &batchv1.Job{TypeMeta: metav1.TypeMeta{APIVersion: "batch/v1", Kind: "Job"}, ObjectMeta: opts.meta(), Spec: *spec}, nil
}

// Namespace renders one in which the job's pods are let in. An empty name is that of Options.
func Namespace(name string) *corev1.Namespace {
	name = cmp.Or(name, "clustersnap")
	return &corev1.Namespace{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"},
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{
			"pod-security.kubernetes.io/enforce": "privileged", // for hostPath and hostNetwork
		}},
	}
}

func (o Options) meta() metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: cmp.Or(o.Name, "clustersnap"), Namespace: cmp.Or(o.Namespace, "clustersnap"), Labels: o.labels()}
}

func (o Options) labels() map[string]string {
	return map[string]string{"app.kubernetes.io/name": "clustersnap", "app.kubernetes.io/instance": cmp.Or(o.Name, "clustersnap")}
}

func newSpec(node *kubeadm.Node, c Container, opts Options) (*batchv1.JobSpec, error) {
	if c.Image == "" || len(c.Command) == 0 {
		return nil, errors.New("an image and a command are needed")
	}
	if opts.HostPath != "" && opts.Claim != "" || !opts.placed() && c.writesTo(Destination) {
		return nil, errors.New("one place for backups is needed: a directory of the node, or a claim")
	}
	if opts.HostPath != "" && (!path.IsAbs(opts.HostPath) || path.Clean(opts.HostPath) != opts.HostPath) {
		return nil, fmt.Errorf("%q is not an absolute path of the node", opts.HostPath)
	}
	if opts.HostPath == "/" {
		return nil, errors.New("backups can't be the root of the node: give them a directory of their own")
	}
	if node.Distribution == "kubespray" && opts.Node == "" {
		return nil, errors.New("kubespray names etcd's certificates for hosts: name the node to run on")
	}
	if opts.Deadline < 0 || opts.Deadline%time.Second != 0 {
		return nil, fmt.Errorf("the deadline is %v, and no number of seconds", opts.Deadline)
	}
	for _, name := range []string{opts.meta().Name, opts.meta().Namespace, cmp.Or(opts.ServiceAccount, "default")} {
		if wrong := validation.IsDNS1123Label(name); len(wrong) > 0 {
			return nil, fmt.Errorf("the name %q is none for Kubernetes: %s", name, wrong[0])
		}
	}
	pod := opts.pod(c)
	if err := c.mount(node, opts, &pod); err != nil {
		return nil, err
	}
	again, seconds := int32(retries), int64(cmp.Or(opts.Deadline, deadline)/time.Second)
	return &batchv1.JobSpec{
		BackoffLimit:          &again,
		ActiveDeadlineSeconds: &seconds,
		Template:              corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: opts.labels()}, Spec: pod},
	}, nil
}

// pod is on the node's network, where etcd listens on loopback, and where control-plane nodes are tainted.
func (o Options) pod(c Container) corev1.PodSpec {
	token := o.ServiceAccount != ""
	spec := corev1.PodSpec{
		RestartPolicy:                corev1.RestartPolicyNever,
		HostNetwork:                  true,
		DNSPolicy:                    corev1.DNSClusterFirstWithHostNet,
		ServiceAccountName:           o.ServiceAccount,
		AutomountServiceAccountToken: &token,
		Affinity:                     o.affinity(),
		Tolerations:                  tolerations(),
		Containers: []corev1.Container{{
			Name:            "backup",
			Image:           c.Image,
			Command:         c.Command,
			Env:             append(names(), o.Env...),
			SecurityContext: security(),
		}},
	}
	main := &spec.Containers[0]
	if o.placed() {
		spec.Volumes = append(spec.Volumes, corev1.Volume{Name: "backup", VolumeSource: o.destination()})
		main.VolumeMounts = append(main.VolumeMounts, corev1.VolumeMount{Name: "backup", MountPath: Destination})
	}
	// On disk: what a backup reads once more for its proofs is as large as etcd's data, and nothing of it is in the clear.
	tmp := corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}
	spec.Volumes = append(spec.Volumes, corev1.Volume{Name: "tmp", VolumeSource: tmp})
	main.VolumeMounts = append(main.VolumeMounts, corev1.VolumeMount{Name: "tmp", MountPath: "/tmp"})
	return spec
}

// placed says that the pod is given a place for backups.
func (o Options) placed() bool { return o.HostPath != "" || o.Claim != "" }

// roles are the labels and taints of nodes with an etcd, whatever their values are: kubeadm has none, before 1.24 under the second
// name, and rke2 has "true" and an etcd role of its own.
var roles = []string{"node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master", "node-role.kubernetes.io/etcd"}

func (o Options) affinity() *corev1.Affinity {
	var terms []corev1.NodeSelectorTerm
	term := func(r corev1.NodeSelectorRequirement) {
		terms = append(terms, corev1.NodeSelectorTerm{MatchExpressions: []corev1.NodeSelectorRequirement{r}})
	}
	if o.Node != "" {
		term(corev1.NodeSelectorRequirement{Key: "kubernetes.io/hostname", Operator: corev1.NodeSelectorOpIn, Values: []string{o.Node}})
	} else {
		for _, role := range roles { // any of them
			term(corev1.NodeSelectorRequirement{Key: role, Operator: corev1.NodeSelectorOpExists})
		}
	}
	return &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{
		RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{NodeSelectorTerms: terms},
	}}
}

func tolerations() (list []corev1.Toleration) {
	for _, role := range roles {
		list = append(list, corev1.Toleration{Key: role, Operator: corev1.TolerationOpExists})
	}
	return list
}

func (o Options) destination() corev1.VolumeSource {
	if o.Claim != "" {
		return corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: o.Claim}}
	}
	make := corev1.HostPathDirectoryOrCreate
	return corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: o.HostPath, Type: &make}}
}

func names() []corev1.EnvVar {
	field := func(name, path string) corev1.EnvVar {
		return corev1.EnvVar{Name: name, ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{APIVersion: "v1", FieldPath: path}}}
	}
	return []corev1.EnvVar{field("POD_NAME", "metadata.name"), field("NODE_NAME", "spec.nodeName"), {Name: "ETCDCTL_API", Value: "3"}}
}

// security is what the level "restricted" asks for, but for the user (https://kubernetes.io/docs/concepts/security/pod-security-standards).
func security() *corev1.SecurityContext {
	yes, no, root := true, false, int64(0)
	return &corev1.SecurityContext{
		RunAsUser:                &root, // who alone may read the keys
		AllowPrivilegeEscalation: &no,
		ReadOnlyRootFilesystem:   &yes,
		Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
		SeccompProfile:           &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
	}
}
