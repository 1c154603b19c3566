package cronjobs

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clustersnap/clustersnap/internal/e2e/bed"
	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/internal/e2e/peers"
	"github.com/clustersnap/clustersnap/internal/e2e/trial"
)

func TestMain(m *testing.M) { command.Main(m) }

var must, stuck = trial.Must, trial.Context

// namespace is that of all objects.
const namespace = "clustersnap"

// scene is a control plane, and a copy of the example as a user has it.
type scene struct {
	*testing.T
	node           *bed.Node
	example        string
	recipient, key string
}

func TestOverlays(t *testing.T) {
	s := &scene{T: t, node: bed.ControlPlane(t, bed.Options{}), example: t.TempDir()}
	s.recipient, s.key = command.KeyPair(t)
	_, here, _, _ := runtime.Caller(0)
	must(t, os.CopyFS(s.example, os.DirFS(filepath.Join(filepath.Dir(here), "../../../examples/cronjob"))))
	s.run("control-plane", controlPlane)
	s.run("external-etcd", externalEtcd) // over the other one, as who changes his mind
	s.run("alerts", alerts)
}

func (s *scene) run(name string, test func(*scene)) {
	s.Run(name, func(t *testing.T) {
		of := *s
		of.T = t
		test(&of)
	})
}

// overlay writes who may open the backups, without which nothing is rendered, and applies an overlay. It gives what kubectl
// renders.
func (s *scene) overlay(name string) (rendered []byte) {
	s.Helper()
	dir := filepath.Join(s.example, "overlays", name)
	out, err := exec.Command(peers.Kubectl.Path(s), "kustomize", dir).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "recipient.txt") {
		s.Errorf("without a recipient: %v\n%s", err, out)
	}
	must(s, os.WriteFile(filepath.Join(dir, "recipient.txt"), []byte(s.recipient+"\n"), 0o644))
	s.kubectl("apply", "--validate=strict", "-k", dir)
	// Its controller may not have come to it yet.
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "default"}}
	_, err = s.node.Kubernetes(s).CoreV1().ServiceAccounts(namespace).Create(stuck(s), account, metav1.CreateOptions{})
	if !apierrors.IsAlreadyExists(err) {
		must(s, err)
	}
	return peers.Kubectl.Output(s, "kustomize", dir)
}

func (s *scene) kubectl(args ...string) string {
	s.Helper()
	return s.node.Output(s, exec.Command(peers.Kubectl.Path(s), append([]string{"--kubeconfig", s.node.Kubeconfig()}, args...)...))
}

// cronJob is the one that the server has.
func (s *scene) cronJob() *batchv1.CronJob {
	s.Helper()
	cron, err := s.node.Kubernetes(s).BatchV1().CronJobs(namespace).Get(stuck(s), "clustersnap", metav1.GetOptions{})
	must(s, err)
	return cron
}

// letIn asks whether the API server lets a pod of the CronJob into its namespace.
func (s *scene) letIn(cron *batchv1.CronJob) {
	s.Helper()
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "admitted"}, Spec: cron.Spec.JobTemplate.Spec.Template.Spec}
	dry := metav1.CreateOptions{FieldValidation: metav1.FieldValidationStrict, DryRun: []string{metav1.DryRunAll}}
	if _, err := s.node.Kubernetes(s).CoreV1().Pods(cron.Namespace).Create(stuck(s), pod, dry); err != nil {
		s.Errorf("its pod is not let in: %v", err)
	}
}
