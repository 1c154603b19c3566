package bed

import (
	"context"
	"fmt"
	"strings"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// join makes the etcd of a node a member, in the steps of kubeadm join: add it as a learner, write its manifest with
// the members that there are now, start it, promote it. See CreateStackedEtcdStaticPodManifestFile in
// cmd/kubeadm/app/phases/etcd/local.go of kubernetes/kubernetes.
func join(ctx context.Context, first, n *Node) error {
	client, err := first.etcdClient()
	if err != nil {
		return err
	}
	defer client.Close()
	peerURL := fmt.Sprintf("https://%s:2380", n.Address)
	// Until the member that joined before is connected for a while, etcd takes no other.
	var added *clientv3.MemberAddResponse
	if err := poll(ctx, func(ctx context.Context) error {
		var err error
		added, err = client.MemberAddAsLearner(ctx, []string{peerURL})
		return err
	}); err != nil {
		return fmt.Errorf("add etcd member %s: %w", n.Name, err)
	}
	if err := writeInitialCluster(n, added.Members); err != nil {
		return err
	}
	n.Pods.start()
	if err := poll(ctx, func(ctx context.Context) error {
		_, err := client.MemberPromote(ctx, added.Member.ID)
		return err
	}); err != nil {
		return fmt.Errorf("promote etcd member %s: %w", n.Name, err)
	}
	return poll(ctx, n.etcdHealthy)
}

// writeInitialCluster has the manifest of a new member name the others.
func writeInitialCluster(n *Node, members []*etcdserverpb.Member) error {
	var cluster []string
	for _, m := range members {
		name := m.Name
		if name == "" { // it has not started yet
			name = n.Name
		}
		cluster = append(cluster, name+"="+m.PeerURLs[0])
	}
	const flag = "    - --initial-cluster="
	return editManifest(n, "etcd", strings.NewReplacer(
		fmt.Sprintf("%s%s=https://%s:2380\n", flag, n.Name, n.Address),
		flag+strings.Join(cluster, ",")+"\n    - --initial-cluster-state=existing\n",
	))
}
