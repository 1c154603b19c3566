package drills

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/internal/e2e/kubecluster"
	"github.com/clustersnap/clustersnap/internal/e2e/peers"
)

// The main job on a real cluster: its CronJob backs the node up, the control plane is destroyed, and one command brings
// it back.
func TestOneNode(t *testing.T) {
	t.Setenv("CGO_ENABLED", "0") // the image has no libraries
	program := command.Build(t, "../../../examples", "./clustersnap")
	s := NewScene(t, kubecluster.Start(t, kubecluster.Options{}))
	recipient, key := command.KeyPair(t)
	set := backUpByCronJob(t, s, recipient)
	command.Good(t, command.Run(t, "", "verify", filepath.Join(s.Node.Root, set), "--identity", key))

	s.Node.Install(t, program)
	text, err := os.ReadFile(key)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(s.Node.Root, "opt/key.txt"), text, 0o600))
	s.Later(t)
	s.Disaster(t)
	s.Node.Output(t, "systemctl", "restart", "kubelet") // it ends no pod before it has reached a kube-apiserver
	start := time.Now()
	restore := s.Node.Enter(t.Context(), "clustersnap", "restore", set, "--identity", "/opt/key.txt", "--yes")
	o := command.Of(t, restore, restore.Run)
	t.Logf("%6.1f s  one command\n%s", time.Since(start).Seconds(), o.Stdout)
	command.Good(t, o)
	saysWhatToDo(t, o.Stdout)
	s.Works(t)
	t.Logf("%6.1f s  a new pod runs, and the controllers act", time.Since(start).Seconds())
	s.Check(t)
	t.Logf("%6.1f s  all pods of the control plane are ready", time.Since(start).Seconds())
	leftBehind(t, s)

	// The node is as good as new, and so is the backup.
	t.Run("refused", func(t *testing.T) { refused(t, s, set, recipient) })
	t.Run("rolled back", func(t *testing.T) { rolledBack(t, s, set) })
	t.Run("killed", func(t *testing.T) { killed(t, s, set) })
	must(t, s.Cluster.WaitReady(stuck(t)))
}

// backups is where the overlay of examples/cronjob has the node's backups.
const backups = "/var/backups/etcd"

// backUpByCronJob has the cluster back itself up by the image and the overlay of examples/cronjob, waits for the first backup that
// it makes on its schedule, and ends that. It gives the file's name on the node.
func backUpByCronJob(t *testing.T, s *Scene, recipient string) string {
	t.Helper()
	importImage(t, s)
	overlay(t, s, recipient)
	jobs := s.Cluster.Kubernetes(t).BatchV1().Jobs("clustersnap")
	start := time.Now()
	until(t, func(ctx context.Context) error {
		list, err := jobs.List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		return succeeded(list.Items)
	})
	t.Logf("%6.1f s  first backup by CronJob", time.Since(start).Seconds())
	s.Node.Output(t, "kubectl", "--namespace", "clustersnap", "delete", "cronjob", "clustersnap")
	files, err := filepath.Glob(filepath.Join(s.Node.Root, backups, "*.clustersnap"))
	must(t, err)
	if len(files) == 0 {
		t.Fatalf("the job has succeeded, and nothing is in %s", backups)
	}
	return filepath.Join(backups, filepath.Base(files[0]))
}

// importImage assembles the image and gives it to the node's containerd, as people without a registry do.
func importImage(t *testing.T, s *Scene) {
	t.Helper()
	archive := filepath.Join(t.TempDir(), "image.tar")
	assemble := exec.Command("go", "run", "-C", "../../../examples", "./cronjob", "--to", archive, "--platform", "linux/"+runtime.GOARCH)
	if out, err := assemble.CombinedOutput(); err != nil {
		t.Fatalf("assemble image: %v\n%s", err, out)
	}
	f, err := os.Open(archive)
	must(t, err)
	defer f.Close()
	cmd := s.Node.Enter(t.Context(), "ctr", "--namespace", "k8s.io", "images", "import", "-")
	cmd.Stdin = f
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("import image: %v\n%s", err, out)
	}
}

// overlay applies the overlay for control-plane nodes, each minute and not each hour.
func overlay(t *testing.T, s *Scene, recipient string) {
	t.Helper()
	example := t.TempDir()
	must(t, os.CopyFS(example, os.DirFS("../../../examples/cronjob")))
	dir := filepath.Join(example, "overlays/control-plane")
	must(t, os.WriteFile(filepath.Join(dir, "recipient.txt"), []byte(recipient+"\n"), 0o600))
	hourly := string(peers.Kubectl.Output(t, "kustomize", dir))
	often := strings.Replace(hourly, "schedule: 17 * * * *", "schedule: '* * * * *'", 1)
	if often == hourly {
		t.Fatalf("the overlay has another schedule:\n%s", hourly)
	}
	s.Node.Apply(t, often)
}

// succeeded says why no job has.
func succeeded(jobs []batchv1.Job) error {
	err := errors.New("no job was made yet")
	for _, j := range jobs {
		if j.Status.Succeeded > 0 {
			return nil
		}
		err = fmt.Errorf("job %s has %d active pods, %d failed: %v", j.Name, j.Status.Active, j.Status.Failed, j.Status.Conditions)
	}
	return err
}
