// Package restore gives one control-plane node of kubeadm the state of a backup: planned, journaled, and reversible until
// kube-apiserver starts.
//
//	plan := restore.New(node, time.Now(), restore.PlanOptions{Room: size + 160<<20})
//	fmt.Print(plan)
//	report, err := restore.Run(ctx, restore.Host{Root: "/", Kubelet: restore.Systemd("kubelet")}, plan, restore.Source{
//		Stage: stage, // by etcdsnap/restore
//		Files: files, // by pkibundle
//	})
//
// The new data and files are made and checked while the old cluster runs; most failures end there. Then the static pods are
// stopped by their manifests, old and new change places by renames, etcd starts alone and is held against the snapshot, and
// only then kube-apiserver, the controllers and the scheduler start. Facts are waited for, never a time: closed ports, the lock
// of etcd's database, answers. A failure before kube-apiserver starts takes everything back by itself.
//
// Each step is in a journal beside the data directory, /var/lib/.etcd.restore/ID.journal: JSON lines, each on disk
// before the next thing is done. After a kill or a power cut [Unfinished] finds the restore, [Run] goes on with it and
// [Rollback] takes it back. What was replaced lies aside until [Prune], and until then [Last] says what the restore took.
//
// The journal notes the inodes of what is moved, and what has another one is somebody else's: it is neither taken for old or
// new data nor removed. So a data directory whose file system is not mounted after a power cut ends with an error, and the same
// call goes on once it is.
//
// # What it does not do
//
// It restores one node with an etcd member of its own, which is then the only member. While another member answers it
// refuses: before it begins, when it goes on, and right before etcd starts. It knows those of the running etcd and its
// manifest, and [PlanOptions].Members; where neither says who there was, it refuses unless the caller vouches for it. A
// member that has no power is not seen: see to it that none boots afterwards, or two clusters serve.
//
// A program has ended once its port is closed, no process of it runs in the node's network and, with Host.Containers, the
// runtime has no pod for it. Without Host.Containers the node's processes have to be seen (in a pod: hostPID), or it refuses:
// a port says nothing of kube-apiserver, which closes its own and goes on for its grace of 30 seconds.
//
// Copies of manifests must never lie in the manifest directory: a kubelet takes each file there for a pod, whatever its name
// ends with. One that saw a second etcd.yaml and lost it again had etcd stopped for more than 90 s. A node with one is refused.
//
// Give Host.Kubelet and Host.Containers both: then the kubelet is stopped, and what it has started is ended without it. A
// kubelet that was restarted and has not reached kube-apiserver since ends no pod whose manifest has left. In a disaster that
// may be any, and it is the one that starts the restored etcd. Left to it a restore gives up after Host.Limit, and a rollback
// from there on ends only once somebody has stopped etcd.
//
// A pod of the cluster that runs a second kube-scheduler in the node's network stands in the way until the limit: stop it first.
//
// Manifests that the source brings, and that are of no program of the plan's node, are put in once etcd is what was restored,
// and what they run is not waited for. Where the node lacks one of the control plane's own, plan with the node as it was backed
// up, as the clustersnap command does.
//
// An etcd under another name of its program, which has opened the old database before that goes aside and waits for its lock,
// is not seen. Where a kube-apiserver runs and can't be asked, or none does, nothing tells that the backup is of this
// cluster; the first is a note of the report. Where the snapshot has no Lease of controller-manager or scheduler, that one
// has to serve, and whether it leads is not known.
//
// Other control-plane nodes are stopped before and join again afterwards, and so does the caller restart the kubelets of
// other nodes, which have seen what is not there any more. A log of etcd in a directory of its own (--wal-dir) is refused.
// The manifests and the name of the node stay: a node with another name or address is not made here.
//
// Files come with their contents, modes and owners. Directories that the node has keep theirs, and SELinux labels and other
// extended attributes of new files are those that the system gives: run restorecon on /etc/kubernetes where it has its own.
//
// # Rights
//
// It runs as root on the node, or in a privileged pod with the node's root and network, since it renames root's files. It
// reads kubeadm's super-admin.conf, or admin.conf, to ask kube-apiserver: get of namespace kube-system, list of Secrets and of
// ServiceAccounts, create of serviceaccounts/token and tokenreviews, get and delete of Leases in kube-system.
package restore
