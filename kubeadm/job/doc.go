// Package job renders the backup of a control-plane node as plain Kubernetes objects: a CronJob, or a Job to run once.
//
//	cron, err := job.CronJob(node, "17 * * * *", job.Container{
//		Image:   "registry.example.org/clustersnap:v1",
//		Command: []string{"clustersnap", "backup", "--root", job.Root, "--to", "/backup/$(POD_NAME)", "--recipient", key},
//		Mounts:  job.NodeFiles,
//	}, job.Options{HostPath: "/var/backups/etcd"})
//	text, err := job.YAML(job.Namespace(""), cron)
//
// Everything in it follows from what [kubeadm.Read] has found: which files are mounted, read-only and no more of them than
// needed, and which node it is for. [Etcdctl] needs no image but etcd's own.
//
// etcd holds the same data on every member, so one job for the cluster is enough for a snapshot, and that is the default: it runs on
// any control-plane node that is like the one that was read. The other files of a node, its certificates and its kubeconfigs, are its
// own: to have them of each node, render one job for each, with [Options.Node]. A job for any node leaves out what only the first one
// has, super-admin.conf. What else is missing on a node keeps the pod from starting there.
//
// Pods that mount files of the node and use its network need a namespace of the Pod Security level "privileged", as [Namespace]
// makes one. Within that, the pod is as the level "restricted" wants it: no privileges, no capabilities, a root file system that
// can't be written to. It runs as user 0, since keys are of mode 0600 and root's; where they are somebody else's, as with kubeadm's
// rootless control plane, it can't read them without a capability. Links that lead out of the files that are mounted lead nowhere.
// It is given no token but that of Options.ServiceAccount. The package makes no RBAC: who creates the objects has to be allowed
// to create them.
package job
