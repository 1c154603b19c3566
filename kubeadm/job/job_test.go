package job_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/clustersnap/clustersnap/kubeadm"
	"github.com/clustersnap/clustersnap/kubeadm/job"
)

var update = flag.Bool("update", false, "write testdata anew")

// read reads the node of kubeadm's fixtures.
func read(t testing.TB) *kubeadm.Node {
	root := fstest.MapFS{"etc/kubernetes/pki/etcd/ca.crt": {}, "etc/kubernetes/admin.conf": {}, "etc/kubernetes/super-admin.conf": {}}
	for _, name := range []string{"etcd.yaml", "kube-apiserver.yaml"} {
		text, err := os.ReadFile("../testdata/v1.37/" + name)
		if err != nil {
			t.Fatal(err)
		}
		root["etc/kubernetes/manifests/"+name] = &fstest.MapFile{Data: text}
	}
	node, err := kubeadm.Read(root, kubeadm.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return node
}

var backup = job.Container{
	Image:   "registry.example.org/clustersnap:v1",
	Command: []string{"clustersnap", "backup", "--root", job.Root, "--to", job.Destination + "/$(POD_NAME)", "--recipient", "age1example"},
	Mounts:  job.NodeFiles,
}

func TestRendered(t *testing.T) {
	node := read(t)
	etcdctl, err := job.Etcdctl(node)
	if err != nil {
		t.Fatal(err)
	}
	cron, err := job.CronJob(node, "17 * * * *", backup, job.Options{HostPath: "/var/backups/etcd"})
	if err != nil {
		t.Fatal(err)
	}
	once, err := job.Job(node, etcdctl, job.Options{Name: "snapshot", Namespace: "backup", Claim: "backups", Node: "cp-1", Deadline: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	for name, objects := range map[string][]any{"cronjob.yaml": {job.Namespace("clustersnap"), cron}, "etcdctl.yaml": {once}} {
		got, err := job.YAML(objects...)
		if err != nil {
			t.Fatal(err)
		}
		if *update {
			if err := os.WriteFile("testdata/"+name, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is now:\n%s", name, got)
		}
	}
}

func TestRefused(t *testing.T) {
	node := read(t)
	external := *node
	external.Etcd = kubeadm.Etcd{External: true}
	place := job.Options{HostPath: "/var/backups"}
	for name, c := range map[string]struct {
		do   func() error
		says string
	}{
		"no image": {func() error {
			_, err := job.Job(node, job.Container{Command: []string{"x"}, Mounts: job.NodeFiles}, place)
			return err
		}, "image"},
		"no command": {func() error {
			_, err := job.Job(node, job.Container{Image: "x", Mounts: job.NodeFiles}, place)
			return err
		}, "command"},
		"no mounts": {func() error {
			_, err := job.Job(node, job.Container{Image: "x", Command: []string{"x"}}, place)
			return err
		}, "mounts"},
		"no place, by a flag": {func() error {
			c := backup
			c.Command = []string{"etcdctl", "save", "--to=file:///backup/"}
			_, err := job.Job(node, c, job.Options{})
			return err
		}, "place"},
		"no place":      {func() error { _, err := job.Job(node, backup, job.Options{}); return err }, "place"},
		"two places":    {func() error { _, err := job.Job(node, backup, job.Options{HostPath: "/x", Claim: "y"}); return err }, "place"},
		"relative":      {func() error { _, err := job.Job(node, backup, job.Options{HostPath: "backups"}); return err }, "absolute"},
		"no schedule":   {func() error { _, err := job.CronJob(node, "", backup, place); return err }, "schedule"},
		"over the root": {func() error { _, err := job.Job(node, backup, job.Options{HostPath: "/"}); return err }, "root"},
		"over the keys": {func() error { _, err := job.Job(node, backup, job.Options{HostPath: "/etc/kubernetes"}); return err }, "lie over"},
		"within the keys": {func() error {
			_, err := job.Job(node, backup, job.Options{HostPath: "/etc/kubernetes/pki/x"})
			return err
		}, "lie over"},
		"bad name": {func() error { _, err := job.Job(node, backup, job.Options{HostPath: "/x", Name: "My_Job"}); return err }, "My_Job"},
		"bad namespace": {func() error {
			_, err := job.Job(node, backup, job.Options{HostPath: "/x", Namespace: "a.b"})
			return err
		}, "a.b"},
		"long name": {func() error {
			_, err := job.CronJob(node, "17 * * * *", backup, job.Options{HostPath: "/x", Name: strings.Repeat("x", 53)})
			return err
		}, "52"},
		"negative deadline": {func() error {
			_, err := job.Job(node, backup, job.Options{HostPath: "/x", Deadline: -time.Second})
			return err
		}, "deadline"},
		"part of a second": {func() error {
			_, err := job.Job(node, backup, job.Options{HostPath: "/x", Deadline: time.Millisecond})
			return err
		}, "deadline"},
		"no endpoints": {func() error {
			_, err := job.Etcdctl(&kubeadm.Node{Etcd: kubeadm.Etcd{Image: kubeadm.Setting{Value: "x"}}})
			return err
		}, "image"},
		"any host of kubespray": {func() error {
			_, err := job.Job(&kubeadm.Node{Distribution: "kubespray"}, backup, place)
			return err
		}, "node"},
		"external": {func() error { _, err := job.Etcdctl(&external); return err }, "image"},
	} {
		if err := c.do(); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v, want %q", name, err, c.says)
		}
	}
}

// What goes to an object store is given nothing of the node to write to, also where its folder has the name of the place.
func TestElsewhere(t *testing.T) {
	c := backup
	c.Command = []string{"clustersnap", "backup", "--root", job.Root, "--to", "s3://bucket/backup/?x=/backup/", "--recipient=age1example"}
	rendered, err := job.Job(read(t), c, job.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range rendered.Spec.Template.Spec.Containers[0].VolumeMounts {
		if !m.ReadOnly && m.MountPath != "/tmp" {
			t.Errorf("it can write to %s", m.MountPath)
		}
	}
	for _, v := range rendered.Spec.Template.Spec.Volumes {
		if v.Name == "backup" {
			t.Errorf("a volume for backups: %+v", v)
		}
	}
}

// Only the first node has it, so that a job which may run on another one can't have it.
func TestWhatOnlyTheFirstNodeHas(t *testing.T) {
	for name, want := range map[string]bool{"": false, "cp-1": true} {
		rendered, err := job.Job(read(t), backup, job.Options{HostPath: "/x", Node: name})
		if err != nil {
			t.Fatal(err)
		}
		text, err := job.YAML(rendered)
		if err != nil {
			t.Fatal(err)
		}
		if got := bytes.Contains(text, []byte("super-admin.conf")); got != want {
			t.Errorf("on node %q: %v, want %v", name, got, want)
		}
	}
}

func ExampleEtcdctl() {
	node := read(new(testing.B))
	container, err := job.Etcdctl(node)
	if err != nil {
		panic(err)
	}
	fmt.Println(container.Image)
	fmt.Println(strings.Join(container.Command, "\n  "))
	// Output:
	// registry.k8s.io/etcd:3.7.0-0
	// etcdctl
	//   --endpoints=https://127.0.0.1:2379
	//   --cacert=/etc/kubernetes/pki/etcd/ca.crt
	//   --cert=/etc/kubernetes/pki/etcd/healthcheck-client.crt
	//   --key=/etc/kubernetes/pki/etcd/healthcheck-client.key
	//   snapshot
	//   save
	//   /backup/$(POD_NAME).db
}
