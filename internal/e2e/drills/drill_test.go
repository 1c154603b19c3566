package drills

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/internal/e2e/kubecluster"
	"github.com/clustersnap/clustersnap/internal/e2e/ociimage"
	"github.com/clustersnap/clustersnap/kubeadm"
	"github.com/clustersnap/clustersnap/kubeadm/job"
)

// image is the command's, as people build one.
const image = "registry.example.org/clustersnap:v1"

// The main job on a real cluster: its CronJob backs the node up, the control plane is destroyed, and one command brings
// it back.
func TestOneNode(t *testing.T) {
	t.Setenv("CGO_ENABLED", "0") // the image has no libraries
	program := command.Build(t, "../../../examples", "./clustersnap")
	s := NewScene(t, kubecluster.Start(t, kubecluster.Options{Images: []ociimage.Image{{
		Name: image, Files: map[string]string{"/usr/local/bin/clustersnap": program}, Entrypoint: []string{"clustersnap"},
	}}}))
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

// backUpByCronJob waits for the first backup that the cluster makes on its schedule, and ends that. It gives the file's
// name on the node.
func backUpByCronJob(t *testing.T, s *Scene, recipient string) string {
	t.Helper()
	declared, err := kubeadm.Read(kubeadm.NodeFS(s.Node.Root), kubeadm.Options{})
	must(t, err)
	place := job.Options{HostPath: "/var/backups/etcd"}
	cron, err := job.CronJob(declared, "* * * * *", job.Container{
		Image:   image,
		Command: []string{"clustersnap", "backup", "--root", job.Root, "--to", job.Destination + "/$(POD_NAME)", "--recipient", recipient},
		Mounts:  job.NodeFiles,
	}, place)
	must(t, err)
	objects, err := job.YAML(job.Namespace(""), cron)
	must(t, err)
	s.Node.Apply(t, string(objects))
	jobs := s.Cluster.Kubernetes(t).BatchV1().Jobs(cron.Namespace)
	start := time.Now()
	until(t, func(ctx context.Context) error {
		list, err := jobs.List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		return succeeded(list.Items)
	})
	t.Logf("%6.1f s  first backup by CronJob", time.Since(start).Seconds())
	s.Node.Output(t, "kubectl", "--namespace", cron.Namespace, "delete", "cronjob", cron.Name)
	files, err := filepath.Glob(filepath.Join(s.Node.Root, place.HostPath, "*"))
	must(t, err)
	if len(files) == 0 {
		t.Fatalf("the job has succeeded, and nothing is in %s", place.HostPath)
	}
	return filepath.Join(place.HostPath, filepath.Base(files[0]))
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
