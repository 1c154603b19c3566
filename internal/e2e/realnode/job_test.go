package realnode

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/clustersnap/clustersnap/etcdsnap"
	"github.com/clustersnap/clustersnap/internal/e2e/bed"
	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/internal/e2e/peers"
	"github.com/clustersnap/clustersnap/internal/e2e/trial"
	"github.com/clustersnap/clustersnap/kubeadm"
	"github.com/clustersnap/clustersnap/kubeadm/job"
)

// What a real node declares is so, and from nothing else follows a job: a real kube-apiserver takes what is rendered, and what it gives
// back does the backup, run on the node with the files that the pod mounts, and no others.
func TestDiscoveredNode(t *testing.T) {
	ctx := trial.Context(t)
	node := bed.ControlPlane(t, bed.Options{Encryption: true})
	api := node.Kubernetes(t)
	declared, err := kubeadm.Read(kubeadm.NodeFS(node.Root), kubeadm.Options{})
	if err != nil {
		t.Fatal(err)
	}
	node.Admins(t)
	strict := metav1.CreateOptions{FieldValidation: metav1.FieldValidationStrict}
	if _, err := api.CoreV1().Namespaces().Create(ctx, render(t, job.Namespace("clustersnap")), strict); err != nil {
		t.Fatal(err)
	}
	place := job.Options{HostPath: "/var/backups/etcd"}

	t.Run("the running member is as declared", func(t *testing.T) {
		client := node.EtcdClient(t)
		list, err := client.MemberList(ctx)
		if err != nil {
			t.Fatal(err)
		}
		status, err := client.Status(ctx, bed.EtcdEndpoint)
		if err != nil {
			t.Fatal(err)
		}
		var members []kubeadm.Member
		for _, m := range list.Members {
			members = append(members, kubeadm.Member{ID: fmt.Sprintf("%x", m.ID), Name: m.Name, PeerURLs: m.PeerURLs, Learner: m.IsLearner})
		}
		live, err := declared.Etcd.Live(members, "")
		if err != nil || len(live.Drift) > 0 || live.ID != fmt.Sprintf("%x", status.Header.MemberId) {
			t.Errorf("%v, %+v, want member %x", err, live, status.Header.MemberId)
		}
	})

	t.Run("clustersnap by CronJob", func(t *testing.T) {
		recipient, key := command.KeyPair(t)
		cron, err := job.CronJob(declared, "17 * * * *", job.Container{
			Image:   "registry.example.org/clustersnap:v1",
			Command: []string{"clustersnap", "backup", "--root", job.Root, "--to", job.Destination + "/$(POD_NAME)", "--recipient", recipient},
			Mounts:  job.NodeFiles,
		}, place)
		if err != nil {
			t.Fatal(err)
		}
		stored, err := api.BatchV1().CronJobs("clustersnap").Create(ctx, render(t, cron), strict)
		if err != nil {
			t.Fatal(err)
		}
		// Its controller may not have come to it yet.
		account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "default"}}
		if _, err := api.CoreV1().ServiceAccounts("clustersnap").Create(ctx, account, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
			t.Fatal(err)
		}
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "admitted"}, Spec: stored.Spec.JobTemplate.Spec.Template.Spec}
		dry := metav1.CreateOptions{FieldValidation: metav1.FieldValidationStrict, DryRun: []string{metav1.DryRunAll}}
		if _, err := api.CoreV1().Pods("clustersnap").Create(ctx, pod, dry); err != nil {
			t.Errorf("its pod is not let in: %v", err)
		}
		t.Setenv("CGO_ENABLED", "0") // as for an image without a libc
		program := command.Build(t, "../../../examples", "./clustersnap")
		command.Good(t, runPod(t, node, stored.Spec.JobTemplate.Spec, "clustersnap-1", program))
		set := filepath.Join(node.Root, place.HostPath, "clustersnap-1")
		command.Good(t, command.RunOn(t, node, "verify", set, "--identity", key))
	})

	t.Run("etcdctl by Job", func(t *testing.T) {
		container, err := job.Etcdctl(declared)
		if err != nil {
			t.Fatal(err)
		}
		once, err := job.Job(declared, container, place)
		if err != nil {
			t.Fatal(err)
		}
		stored, err := api.BatchV1().Jobs("clustersnap").Create(ctx, render(t, once), strict)
		if err != nil {
			t.Fatal(err)
		}
		if ran := runPod(t, node, stored.Spec, "snapshot-1", peers.EtcdCtl37.Path(t)); ran.Code != 0 {
			t.Fatalf("etcdctl: %s", ran.Stderr)
		}
		f, err := os.Open(filepath.Join(node.Root, place.HostPath, "snapshot-1.db"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		info, err := etcdsnap.Verify(ctx, f, etcdsnap.VerifyOptions{})
		if err != nil || info.Content.Keyspace.Keys < 100 {
			t.Errorf("the snapshot: %+v, %v", info, err)
		}
	})

	t.Run("by the command's own YAML", func(t *testing.T) { cronjobCommand(t, node, declared) })
}

// render goes through the YAML that a user would apply.
func render[T any](t *testing.T, object *T) *T {
	t.Helper()
	text, err := job.YAML(object)
	if err != nil {
		t.Fatal(err)
	}
	back := new(T)
	if err := yaml.UnmarshalStrict(text, back); err != nil {
		t.Fatal(err)
	}
	return back
}

// runPod runs a job's container on the node: its program in a root of its own, with the mounts of the pod.
func runPod(t *testing.T, node *bed.Node, spec batchv1.JobSpec, name, program string) command.Outcome {
	t.Helper()
	pod := spec.Template.Spec
	c := pod.Containers[0]
	root := t.TempDir()
	for _, m := range c.VolumeMounts {
		for _, v := range pod.Volumes {
			if v.Name == m.Name {
				bind(t, node, v, filepath.Join(root, m.MountPath), m.ReadOnly)
			}
		}
	}
	names := strings.NewReplacer("$(POD_NAME)", name, "$(NODE_NAME)", node.Name)
	cmd := exec.Command("/" + c.Command[0])
	for _, arg := range c.Command[1:] {
		cmd.Args = append(cmd.Args, names.Replace(arg))
	}
	for _, e := range c.Env {
		if e.ValueFrom == nil {
			cmd.Env = append(cmd.Env, e.Name+"="+e.Value)
		}
	}
	text, err := os.ReadFile(program)
	if err == nil {
		err = os.WriteFile(filepath.Join(root, c.Command[0]), text, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root}
	cmd.Dir = "/"
	return command.Of(t, cmd, func() error { return node.Run(cmd) })
}

// bind mounts a volume of the node, as the kubelet and a container's runtime do.
func bind(t *testing.T, node *bed.Node, v corev1.Volume, at string, readOnly bool) {
	t.Helper()
	if v.HostPath == nil {
		if err := os.MkdirAll(at, 0o700); err != nil {
			t.Fatal(err)
		}
		return
	}
	from := filepath.Join(node.Root, v.HostPath.Path)
	if *v.HostPath.Type == corev1.HostPathDirectoryOrCreate {
		if err := os.MkdirAll(from, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(from)
	if err == nil && *v.HostPath.Type == corev1.HostPathFile != info.Mode().IsRegular() {
		t.Fatalf("%s is of mode %v, and mounted as %s", from, info.Mode(), *v.HostPath.Type)
	}
	if err == nil && info.IsDir() {
		err = os.MkdirAll(at, 0o755)
	} else if err == nil {
		if err = os.MkdirAll(filepath.Dir(at), 0o755); err == nil {
			err = os.WriteFile(at, nil, 0o600)
		}
	}
	if err == nil {
		err = syscall.Mount(from, at, "", syscall.MS_BIND|syscall.MS_REC, "")
	}
	if err == nil && readOnly {
		err = syscall.Mount("", at, "", syscall.MS_BIND|syscall.MS_REMOUNT|syscall.MS_RDONLY, "")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(at, 0); err != nil {
			t.Error(err)
		}
	})
}
