package job_test

import (
	"fmt"
	"log"
	"os"
	"testing/fstest"

	"github.com/clustersnap/clustersnap/kubeadm"
	"github.com/clustersnap/clustersnap/kubeadm/job"
)

// A backup each hour of what a node needs, by a program of yours.
func ExampleCronJob() {
	manifest, err := os.ReadFile("../testdata/v1.37/etcd.yaml")
	if err != nil {
		log.Fatal(err)
	}
	root := fstest.MapFS{ // on a node this is kubeadm.NodeFS("/")
		"etc/kubernetes/manifests/etcd.yaml": {Data: manifest},
		"etc/kubernetes/pki/etcd/ca.crt":     {},
	}
	node, err := kubeadm.Read(root, kubeadm.Options{})
	if err != nil {
		log.Fatal(err)
	}

	cron, err := job.CronJob(node, "17 * * * *", job.Container{
		Image:   "registry.example.org/clustersnap:v1",
		Command: []string{"clustersnap", "backup", "--root", job.Root, "--to", job.Destination, "--recipient", "age1..."},
		Mounts:  job.NodeFiles,
	}, job.Options{HostPath: "/var/backups/etcd"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(cron.Namespace, cron.Name, "at", cron.Spec.Schedule) // job.YAML writes all of it
	for _, m := range cron.Spec.JobTemplate.Spec.Template.Spec.Containers[0].VolumeMounts {
		fmt.Println(m.MountPath, "read only:", m.ReadOnly)
	}
	// Output:
	// clustersnap clustersnap at 17 * * * *
	// /backup read only: false
	// /tmp read only: false
	// /host/etc/kubernetes/manifests read only: true
	// /host/etc/kubernetes/pki read only: true
}
