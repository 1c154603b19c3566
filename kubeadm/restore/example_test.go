package restore_test

import (
	"fmt"
	"os"
	"testing/fstest"
	"time"

	"github.com/clustersnap/clustersnap/kubeadm"
	"github.com/clustersnap/clustersnap/kubeadm/restore"
)

func ExampleNew() {
	root := fstest.MapFS{}
	for _, name := range []string{"etcd.yaml", "kube-apiserver.yaml"} {
		manifest, err := os.ReadFile("../testdata/v1.37/" + name)
		if err != nil {
			panic(err)
		}
		root["etc/kubernetes/manifests/"+name] = &fstest.MapFile{Data: manifest}
	}
	node, err := kubeadm.Read(root, kubeadm.Options{})
	if err != nil {
		panic(err)
	}
	now := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	fmt.Print(restore.New(node, now, restore.PlanOptions{Room: 200 << 20}))
	// Output:
	// restore 20261126t120000000z of the control plane with etcd member cp-1
	// 1. preflight
	//    needs: no other restore is under way on this node
	//    needs: one manifest for each static pod
	//    needs: the kubelet's unit and the runtime's socket are there, where they are given
	//    needs: 200 MiB are free for /var/lib/etcd
	//    needs: no other member of the old cluster answers, nor at what the running etcd names
	//    look whether the old etcd and kube-apiserver answer
	//    undo: nothing is changed
	// 2. stage
	//    needs: kube-system of the snapshot is that of the running cluster, if that answers
	//    make the new data in /var/lib/etcd/.restore-20261126t120000000z/new while the old cluster runs
	//    write the files that differ beside those of the node
	//    undo: remove what was written
	// 3. fence
	//    stop the kubelet, if its unit and the runtime's socket are given
	//    move the manifests of kube-apiserver, etcd to /etc/kubernetes/.restore-20261126t120000000z
	//    end their pods, if the kubelet was stopped
	//    wait until they do not run: ports closed, no container if the runtime's socket is given, and the lock of etcd's database is free
	//    undo: move the manifests back, and start the kubelet if it was stopped
	// 4. swap
	//    needs: no manifest has come back
	//    rename /var/lib/etcd/member to /var/lib/etcd/.restore-20261126t120000000z/old/member, and the new member into its place
	//    put the files that differ into their places, all but manifests; the old ones stay beside them
	//    undo: rename all of it back
	// 5. etcd
	//    start etcd alone, and restart the kubelet, where it is given
	//    wait until https://127.0.0.1:2379 answers with the cluster, the revision and the number of keys that were restored
	//    see that it has one member, at https://10.0.0.11:2380
	//    put other manifests into their places that differ
	//    undo: stop etcd, and take back the steps before
	// 6. api
	//    start kube-apiserver: from here on there can be new writes
	//    wait until it is ready
	//    read a Secret; see that kube-system has the snapshot's uid; have a new token of a service account reviewed
	//    undo: only on demand: what was written since is lost
	// 7. controllers
	//    delete the leases of the lost leaders
	//    start the controllers and the scheduler that the node has
	//    wait until they lead
	//    undo: only on demand: what was written since is lost
	// 8. kubelet
	//    restart the node's kubelet, where it is given
	//    undo: only on demand: what was written since is lost
	// 9. commit
	//    note that all is done; what is aside stays until it is pruned
	//    undo: there is no way back
}
