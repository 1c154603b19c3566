package volfreeze

import (
	"context"
	"fmt"
	"os"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/clustersnap/clustersnap/internal/e2e/bed"
	"github.com/clustersnap/clustersnap/internal/e2e/csibed"
	"github.com/clustersnap/clustersnap/internal/e2e/csibed/driver"
	"github.com/clustersnap/clustersnap/internal/e2e/faults"
	"github.com/clustersnap/clustersnap/internal/e2e/trial"
	"github.com/clustersnap/clustersnap/volsnap"
	"github.com/clustersnap/clustersnap/volsnap/quiesce"
)

var must, stuck = trial.Must, trial.Context

func TestMain(m *testing.M) {
	if dir := os.Getenv(writerVariable); dir != "" {
		fmt.Fprintln(os.Stderr, writeRecords(dir))
		os.Exit(1)
	}
	if os.Getenv(freezerVariable) != "" {
		fmt.Fprintln(os.Stderr, freezeAndWait())
		os.Exit(1)
	}
	faults.Main(m)
}

// namespace of everything that these tests make.
const namespace = "shop"

// scene is a cluster with a CSI driver whose volumes are ext4.
type scene struct {
	*testing.T
	ctx     context.Context
	bed     *csibed.Bed
	config  *rest.Config // over the wire
	wire    *wire
	cluster *volsnap.Cluster
}

func newScene(t *testing.T) *scene {
	t.Helper()
	d := driver.Start(t, driver.Options{Images: true})
	s := &scene{T: t, ctx: stuck(t)}
	s.bed = csibed.Start(t, bed.ControlPlane(t, bed.Options{}), csibed.Options{Drivers: []*driver.Driver{d}})
	s.config, s.wire = lay(t, s.bed.Config)
	s.cluster = s.clusterAs("")
	s.bed.Kubelet(t)
	s.bed.Namespace(t, namespace)
	_, err := s.bed.Client.CoreV1().ServiceAccounts(namespace).Create(s.ctx, // no pod without it, and its controller is slow
		&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "default"}}, metav1.CreateOptions{})
	if !apierrors.IsAlreadyExists(err) {
		must(t, err)
	}
	return s
}

// with is the scene for a subtest.
func (s *scene) with(t *testing.T) *scene {
	of := *s
	of.T, of.ctx = t, stuck(t)
	return &of
}

// clusterAs is the cluster as an account sees it, "" for one with all rights.
func (s *scene) clusterAs(account string) *volsnap.Cluster {
	s.Helper()
	config := rest.CopyConfig(s.config)
	if account != "" {
		config.Impersonate = rest.ImpersonationConfig{
			UserName: "system:serviceaccount:" + namespace + ":" + account, Groups: []string{"system:authenticated"},
		}
	}
	cluster, err := volsnap.NewCluster(config)
	must(s, err)
	return cluster
}

// pod makes a pod that idles, with the containers "main" and "other", which mount the claims at their MountPath.
func (s *scene) pod(name string, annotations map[string]string, claims ...string) *quiesce.Pod {
	s.Helper()
	return s.run(idle(name, annotations, claims...))
}

// run makes a pod that is written down.
func (s *scene) run(pod *corev1.Pod) *quiesce.Pod {
	s.Helper()
	s.bed.RunPod(s, pod)
	read, err := quiesce.ReadPod(s.ctx, s.cluster, namespace, pod.Name)
	must(s, err)
	return read
}

func idle(name string, annotations map[string]string, claims ...string) *corev1.Pod {
	main := corev1.Container{Name: "main", Image: "none"}
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Annotations: annotations}}
	// fsfreeze is found there first, by tests that put one there.
	pod.Spec.Volumes = []corev1.Volume{{
		Name: "tools", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}},
	}}
	main.VolumeMounts = []corev1.VolumeMount{{Name: "tools", MountPath: tools}}
	for _, claim := range claims {
		pod.Spec.Volumes = append(pod.Spec.Volumes, corev1.Volume{Name: claim, VolumeSource: corev1.VolumeSource{
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim},
		}})
		main.VolumeMounts = append(main.VolumeMounts, corev1.VolumeMount{Name: claim, MountPath: csibed.MountPath(claim)})
	}
	other := *main.DeepCopy()
	other.Name = "other"
	pod.Spec.Containers = []corev1.Container{main, other}
	return pod
}

// tools is where the pods' PATH begins.
const tools = "/usr/local/sbin"
