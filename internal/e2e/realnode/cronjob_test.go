package realnode

import (
	"os/exec"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clustersnap/clustersnap/internal/e2e/bed"
	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/internal/e2e/peers"
	"github.com/clustersnap/clustersnap/internal/e2e/trial"
	"github.com/clustersnap/clustersnap/kubeadm"
	"github.com/clustersnap/clustersnap/kubeadm/job"
)

// cronjobCommand holds that the command prints what the drills on a real cluster have the library render, and that kubectl
// applies it, also a second time.
func cronjobCommand(t *testing.T, node *bed.Node, declared *kubeadm.Node) {
	ctx := trial.Context(t)
	recipient, _ := command.KeyPair(t)
	const image = "registry.example.org/clustersnap:v1"
	printed := func(args ...string) string {
		t.Helper()
		args = append([]string{"cronjob", "--root", node.Root, "--image", image, "--recipient", recipient}, args...)
		o := command.Run(t, "", args...)
		if o.Code != 0 || o.Stderr != "" {
			t.Fatalf("exit %d, %s", o.Code, o.Stderr)
		}
		return o.Stdout
	}
	apply := func(objects string) string {
		t.Helper()
		cmd := exec.CommandContext(ctx, peers.Kubectl.Path(t), "--kubeconfig", node.Kubeconfig(), "apply", "-f", "-")
		cmd.Stdin = strings.NewReader(objects)
		return node.Output(t, cmd)
	}

	cron, err := job.CronJob(declared, "* * * * *", job.Container{
		Image: image,
		Command: []string{
			"clustersnap", "backup", "--root", job.Root, "--to", "file://" + job.Destination + "/", "--recipient", recipient,
		},
		Mounts: job.NodeFiles,
	}, job.Options{HostPath: "/var/backups/etcd"})
	trial.Must(t, err)
	want, err := job.YAML(job.Namespace(""), cron)
	trial.Must(t, err)
	onDisk := printed("--schedule", "* * * * *", "--host-path", "/var/backups/etcd")
	if _, objects, _ := strings.Cut("\n"+onDisk, "\napiVersion"); "apiVersion"+objects != string(want) {
		t.Errorf("it prints\n%s\nand the library renders\n%s", onDisk, want)
	}
	apply(onDisk)
	if again := apply(onDisk); strings.Count(again, "unchanged") != 2 {
		t.Errorf("applied again: %s", again)
	}

	const url = "s3://bucket/sets/?region=eu-central-1&endpoint=https://s3.example.org/$(X)"
	apply(printed("--job", "--name", "now", "--node", node.Name, "--to", url, "--secret", "s3-credential"))
	once, err := node.Kubernetes(t).BatchV1().Jobs("clustersnap").Get(ctx, "now", metav1.GetOptions{})
	trial.Must(t, err)
	c := once.Spec.Template.Spec.Containers[0]
	if to := c.Command[5]; to != strings.Replace(url, "$", "$$", 1) {
		t.Errorf("the backup goes to %s", to)
	}
	for _, m := range c.VolumeMounts {
		if !m.ReadOnly && m.MountPath != "/tmp" {
			t.Errorf("it can write to %s", m.MountPath)
		}
	}
	from := ""
	for _, e := range c.Env {
		if e.ValueFrom != nil && e.ValueFrom.SecretKeyRef != nil {
			from += e.Name + "=" + e.ValueFrom.SecretKeyRef.Name + "/" + e.ValueFrom.SecretKeyRef.Key + " "
		}
	}
	if from != "AWS_ACCESS_KEY_ID=s3-credential/AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY=s3-credential/AWS_SECRET_ACCESS_KEY " {
		t.Errorf("its credential is %q", from)
	}
	command.Good(t, command.Run(t, "", "discover", "--root", node.Root)) // from elsewhere, where no etcd can be reached
}
