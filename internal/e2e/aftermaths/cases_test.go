package aftermaths

import (
	"context"
	"errors"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clustersnap/clustersnap/kubeadm/aftermath"
)

const uid1, uid2 = "11111111-2222-4333-8444-555555555555", "66666666-2222-4333-8444-555555555555"

// findings are ways in which a cluster is not as it should be, each with all that is to be found.
var findings = []struct {
	name    string
	objects string
	change  func(*scene)
	options func(*scene) aftermath.Options
	want    []string
}{
	{name: "healthy"},
	{
		name:    "revision not raised",
		options: func(*scene) aftermath.Options { return aftermath.Options{Before: 1 << 40} },
		want: []string{
			"revision-back act etcd: |and clients have seen 1099511627776",
			"kubelet-restart act Node n1: |has seen a revision that is still to come", "kubelet-restart act Node n2",
		},
	},
	{
		name: "no account to make a token of",
		change: func(s *scene) {
			accounts := s.api.CoreV1().ServiceAccounts("kube-system")
			must(s, accounts.Delete(s.ctx, "default", metav1.DeleteOptions{}))
			s.Cleanup(func() {
				_, err := accounts.Create(context.WithoutCancel(s.ctx), account("default"), metav1.CreateOptions{})
				must(s, err)
			})
		},
		want: []string{"tokens-refused act ServiceAccount kube-system/default: |not found"},
	},
	{
		name: "node that can't be asked",
		options: func(s *scene) aftermath.Options {
			return aftermath.Options{Running: func(ctx context.Context, node string) ([]aftermath.RunningPod, error) {
				if node == "n2" {
					return nil, errors.New("no\x1b[31m way")
				}
				return s.running(ctx, node)
			}}
		},
		want: []string{"not-asked act Node n2: |no?[31m way"},
	},
	{
		name: "node that is said to run too much",
		options: func(s *scene) aftermath.Options {
			return aftermath.Options{Running: func(ctx context.Context, node string) ([]aftermath.RunningPod, error) {
				if node == "n2" {
					return make([]aftermath.RunningPod, 10_001), nil
				}
				return s.running(ctx, node)
			}}
		},
		want: []string{"not-asked act Node n2: |10001 pods"},
	},
	{
		name:    "node without a Node",
		change:  func(s *scene) { s.runs["n3"] = []aftermath.RunningPod{{UID: uid1, Namespace: "shop", Name: "there"}} },
		options: func(*scene) aftermath.Options { return aftermath.Options{Nodes: []string{"n1", "n2", "n3"}} },
		want:    []string{"node-unknown act Node n3", "phantom-pod act Pod shop/there: node n3 runs it|" + uid1},
	},
	{
		name:    "node that is no more",
		options: func(*scene) aftermath.Options { return aftermath.Options{Nodes: []string{"n1"}} },
		want: []string{
			"node-gone act Node n2", "lost-pod act Pod shop/db-0: |node n2, which does not exist",
			"attachment act VolumeAttachment attached-db: |which is not there",
		},
	},
	{
		name:   "kubelet that does not renew",
		change: func(s *scene) { s.renew("n2", 41*time.Second) },
		want:   []string{"node-silent act Node n2: |not renewed its Lease for 41s"},
	},
	{
		name:   "kubelet that renews in time",
		change: func(s *scene) { s.renew("n2", 39*time.Second) },
	},
	{
		name: "node without a Lease",
		objects: `
apiVersion: v1
kind: Node
metadata: {name: n3}
status: {conditions: [{type: Ready, status: "True"}]}`,
		want: []string{"node-silent act Node n3: |never renewed"},
	},
	{
		name: "node that is not ready",
		change: func(s *scene) {
			ready := func(s *scene, status, message string) {
				s.patch("Node", "", "n1", `{"status": {"conditions": [{"type": "Ready", "status": "`+status+
					`", "message": "`+message+`"}]}}`, "status")
			}
			ready(s, "False", "PLEG is not healthy")
			s.Cleanup(func() { ready(s.lasting(), "True", "ready") })
		},
		want: []string{"node-not-ready act Node n1: |False: PLEG is not healthy"},
	},
	{
		name: "phantoms",
		change: func(s *scene) {
			s.runs["n1"] = []aftermath.RunningPod{
				{UID: uid1, Namespace: "shop", Name: "web-1"}, {UID: uid2, Namespace: "later", Name: "a"},
			}
		},
		want: []string{
			"kubelet-restart act Node n1: its kubelet runs 2 pods that etcd does not have",
			"phantom-pod act Pod later/a: node n1", "phantom-pod act Pod shop/web-1: ",
		},
	},
	{
		name: "static pod without a mirror pod",
		change: func(s *scene) {
			s.runs["n1"] = []aftermath.RunningPod{{UID: "ffffffffffffffffffffffffffffffff", Namespace: "kube-system", Name: "x-n1"}}
		},
		want: []string{"static-pod look Pod kube-system/x-n1: node n1 runs it by a manifest"},
	},
	{
		name:   "lost pods",
		change: func(s *scene) { s.stops["db-0"], s.stops["proxy-n1"] = true, true },
		want: []string{
			"kubelet-restart act Node n1: its kubelet does not run 1 pod", "kubelet-restart act Node n2: ",
			"lost-pod act Pod kube-system/proxy-n1: |on node n1, which does not run it", "lost-pod act Pod shop/db-0: ",
		},
	},
	{
		name: "versions that are still to come",
		change: func(s *scene) {
			pod, err := s.api.CoreV1().Pods("shop").Get(s.ctx, "db-0", metav1.GetOptions{})
			must(s, err)
			s.stops["db-0"] = true
			s.runs["n2"] = []aftermath.RunningPod{
				{UID: string(pod.UID), Namespace: "shop", Name: "db-0", ResourceVersion: "99999999999"},
			}
		},
		want: []string{"kubelet-restart act Node n2: its kubelet goes by versions of 1 pod that are later than those of etcd"},
	},
	{
		name: "pod that nobody begins",
		objects: `
apiVersion: v1
kind: Pod
metadata: {name: waits, namespace: shop}
spec: {nodeName: n1, containers: [{name: c, image: none.example/none}]}`,
		want: []string{"kubelet-restart act Node n1: its kubelet has not begun with 1 pod"},
	},
	{
		name: "pod that nobody ends",
		objects: `
apiVersion: v1
kind: Pod
metadata: {name: stays, namespace: shop}
spec: {nodeName: n1, containers: [{name: c, image: none.example/none}]}
status: {phase: Running, startTime: "2026-01-01T00:00:00Z"}`,
		change: func(s *scene) { must(s, s.api.CoreV1().Pods("shop").Delete(s.ctx, "stays", metav1.DeleteOptions{})) },
		want:   []string{"kubelet-restart act Node n1: its kubelet has not ended 1 pod"},
	},
	{
		name: "pod on no node",
		objects: `
apiVersion: v1
kind: Pod
metadata: {name: lost, namespace: shop}
spec: {nodeName: n9, containers: [{name: c, image: none.example/none}]}`,
		want: []string{"lost-pod act Pod shop/lost: etcd has it on node n9, of which it has no Node"},
	},
	{
		name: "leases that nobody renews",
		objects: `
apiVersion: coordination.k8s.io/v1
kind: Lease
metadata: {name: kube-scheduler, namespace: kube-system}
spec: {holderIdentity: cp9_1, leaseDurationSeconds: 15, renewTime: OLD}
---
apiVersion: coordination.k8s.io/v1
kind: Lease
metadata: {name: free, namespace: shop}
spec: {holderIdentity: "", leaseDurationSeconds: 1, renewTime: OLD}
---
apiVersion: coordination.k8s.io/v1
kind: Lease
metadata: {name: apiserver-x, namespace: kube-system, labels: {apiserver.kubernetes.io/identity: kube-apiserver}}
spec: {holderIdentity: apiserver-x, leaseDurationSeconds: 1800, renewTime: OLD}`,
		want: []string{
			"leaderless act Lease kube-system/kube-scheduler: cp9_1 has not renewed its Lease for 1h0m0s",
			"leaderless look Lease shop/free: nobody holds it",
		},
	},
	{
		name: "webhooks that nobody answers",
		objects: webhook("Validating", "looks", "Ignore", "away") + webhook("Mutating", "fails", "Fail", "gone") +
			webhook("Mutating", "slow", "Fail", "unready") + `
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: gone-1, namespace: shop, labels: {kubernetes.io/service-name: gone}}
addressType: IPv4
endpoints:
- {addresses: [10.1.0.9], conditions: {ready: true}, targetRef: {kind: Pod, namespace: shop, name: hook, uid: ` + uid1 + `}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: unready-1, namespace: shop, labels: {kubernetes.io/service-name: unready}}
addressType: IPv4
endpoints: [{addresses: [10.1.0.9], conditions: {ready: false}}]`,
		want: []string{
			"webhook act MutatingWebhookConfiguration fails: webhook fails.none.example fails|shop/gone",
			"webhook act MutatingWebhookConfiguration slow: |shop/unready",
			"webhook look ValidatingWebhookConfiguration looks: webhook looks.none.example is passed over|shop/away",
		},
	},
	{
		name: "API that is not available",
		objects: `
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1.gone.example}
spec:
  group: gone.example
  version: v1
  groupPriorityMinimum: 100
  versionPriority: 100
  insecureSkipTLSVerify: true
  service: {namespace: shop, name: gone}`,
		want: []string{"api-service act APIService v1.gone.example: "},
	},
	{
		name: "addresses of pods",
		objects: `
apiVersion: v1
kind: Pod
metadata: {name: same, namespace: shop}
spec: {nodeName: n1, containers: [{name: c, image: none.example/none}]}
status: {phase: Running, startTime: "2026-01-01T00:00:00Z", podIPs: [{ip: 10.1.0.5}], podIP: 10.1.0.5}
---
apiVersion: v1
kind: Pod
metadata: {name: strays, namespace: shop}
spec: {nodeName: n2, containers: [{name: c, image: none.example/none}]}
status: {phase: Running, startTime: "2026-01-01T00:00:00Z", podIPs: [{ip: 10.1.0.6}], podIP: 10.1.0.6}`,
		want: []string{
			"pod-address act Pod shop/strays: its address 10.1.0.6 is not of the range of its node n2, 10.1.1.0/24",
			"pod-address act Pod shop/web-1: its address 10.1.0.5 is that of shop/same, too",
		},
	},
	{
		name:    "ranges of nodes",
		objects: nodeOf("n3", "10.1.1.128/25") + "\n---\n" + nodeOf("n4", "10.1.2.0/24") + "\n---\n" + nodeOf("n5", "10.1.1.0/24"),
		want: []string{
			"pod-range act Node n3: its range of pod addresses 10.1.1.128/25 overlaps with 10.1.1.0/24 of node n2",
			"pod-range act Node n5: |10.1.1.0/24 of node n2",
		},
	},
	{
		name: "attachments",
		objects: attachment("a", "n9", "pv-db") + "\n---\n" + attachment("b", "n1", "pv-db") + "\n---\n" +
			attachment("c", "n1", "pv-none") + "\n---\n" + attachment("d", "n1", "pv-idle") + "\n---\n" +
			volumeOf("pv-idle", "", "csi: {driver: disk.example, volumeHandle: idle}"),
		want: []string{
			"attachment act VolumeAttachment a: it is for volume pv-db at node n9, which is not there",
			"attachment act VolumeAttachment b: |at node n1, and the pods that use it are on n2",
			"attachment act VolumeAttachment c: |and there is no such volume",
			"attachment act VolumeAttachment d: |and no pod uses it",
		},
	},
	{
		name: "volumes and claims",
		objects: volumeOf("pv-a", "claimRef: {namespace: shop, name: none}", "csi: {driver: disk.example, volumeHandle: a}") +
			"\n---\n" +
			volumeOf("pv-b", "claimRef: {namespace: shop, name: db, uid: "+uid1+"}", "csi: {driver: disk.example, volumeHandle: b}") +
			"\nstatus: {phase: Released}\n---\n" +
			volumeOf("pv-c", on("host9"), "local: {path: /disk}") + "\n---\n" + volumeOf("pv-d", on("host2"), "local: {path: /disk}") + `
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: lost, namespace: shop}
spec: {accessModes: [ReadWriteOnce], storageClassName: "", volumeName: pv-none, resources: {requests: {storage: 1Gi}}}`,
		want: []string{
			"volume act PersistentVolume pv-a: it is claimed by shop/none, which is not there",
			"volume act PersistentVolume pv-c: it is on host9, and there is no such node",
			"volume act PersistentVolumeClaim shop/lost: its volume pv-none is not there",
			"volume look PersistentVolume pv-b: it is claimed by a shop/db that is no more",
		},
	},
	{
		name: "load balancers",
		objects: balancer("a", "{ip: 203.0.113.1}") + "\n---\n" + balancer("b", "{hostname: b.example}") + "\n---\n" +
			balancer("c", ""),
		want: []string{
			"load-balancer look Service shop/a: |was 203.0.113.1 at the time of the snapshot",
			"load-balancer look Service shop/b: |b.example", "load-balancer look Service shop/c: it has no load balancer yet",
		},
	},
	{
		name:    "load balancers that the cloud has told of",
		objects: balancer("a", "{ip: 203.0.113.1}") + "\n---\n" + balancer("b", "{hostname: b.example}"),
		options: func(*scene) aftermath.Options {
			return aftermath.Options{Balancers: []string{"203.0.113.1", "203.0.113.9"}}
		},
		want: []string{
			"load-balancer act Service shop/b: its load balancer b.example does not exist",
			"load-balancer act load balancer 203.0.113.9: it exists, and no Service has it",
			"load-balancer look Service shop/a: ",
		},
	},
	{
		name: "ports on nodes",
		objects: `
apiVersion: v1
kind: Service
metadata: {name: door, namespace: shop}
spec: {type: NodePort, ports: [{name: a, port: 80, nodePort: 30080}, {name: b, port: 53, protocol: UDP, nodePort: 30053}]}`,
		want: []string{"node-port look Service shop/door: it has port 30080/tcp, 30053/udp of every node"},
	},
	{
		name: "data on nodes",
		objects: keeper("k1", "n1", "{path: /srv/data}", "") + "\n---\n" + keeper("k2", "n2", "{path: /srv/data}", "") + "\n---\n" +
			keeper("reads", "n1", "{path: /srv/data}", ", readOnly: true") + "\n---\n" +
			keeper("socket", "n1", "{path: /srv/socket, type: Socket}", "") + "\n---\n" +
			keeper("logs", "n1", "{path: /var/log/pods}", "") + "\n---\n" + keeper("alike", "n1", "{path: /etcd-data}", "") + "\n---\n" +
			volumeOf("pv-disk", on("host1")+"\n  claimRef: {namespace: shop, name: disk}", "local: {path: /disk}") + `
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: disk, namespace: shop}
spec: {accessModes: [ReadWriteOnce], storageClassName: "", volumeName: pv-disk, resources: {requests: {storage: 1Gi}}}
---
apiVersion: v1
kind: Pod
metadata: {name: uses, namespace: shop}
spec:
  nodeName: n1
  containers: [{name: c, image: none.example/none}]
  volumes: [{name: data, persistentVolumeClaim: {claimName: disk}}]
status: {phase: Running, startTime: "2026-01-01T00:00:00Z"}`,
		want: []string{
			"local-data look DaemonSet shop/keeper: keeps data in /etcd-data of n1",
			"local-data look DaemonSet shop/keeper: keeps data in /srv/data of n1, n2",
			"local-data look PersistentVolume pv-disk: shop/uses keeps data in it, at /disk of n1",
		},
	},
	{
		name: "certificate that waits",
		change: func(s *scene) {
			requests := s.api.CertificatesV1().CertificateSigningRequests()
			made, err := requests.Create(s.ctx, signingRequest(s), metav1.CreateOptions{})
			must(s, err)
			s.Cleanup(func() {
				must(s, requests.Delete(context.WithoutCancel(s.ctx), made.Name, metav1.DeleteOptions{}))
			})
		},
		want: []string{"signing-request look CertificateSigningRequest waits: |example.com/signer"},
	},
	{
		name: "bootstrap tokens",
		objects: `
apiVersion: v1
kind: Secret
metadata: {name: bootstrap-token-aaaaaa, namespace: kube-system}
type: bootstrap.kubernetes.io/token
stringData: {token-id: aaaaaa, token-secret: abcdefghijklmnop, expiration: "2026-01-01T00:00:00Z"}
---
apiVersion: v1
kind: Secret
metadata: {name: bootstrap-token-bbbbbb, namespace: kube-system}
type: bootstrap.kubernetes.io/token
stringData: {token-id: bbbbbb, token-secret: abcdefghijklmnop, expiration: "2126-01-01T00:00:00Z"}
---
apiVersion: v1
kind: Secret
metadata: {name: bootstrap-token-cccccc, namespace: kube-system}
type: bootstrap.kubernetes.io/token
stringData: {token-id: cccccc, token-secret: abcdefghijklmnop}`,
		want: []string{"bootstrap-tokens look Secret kube-system/bootstrap-token-aaaaaa: it has expired at 2026-01-01T00:00:00Z"},
	},
	{
		name: "pod networks of their own",
		objects: definition("crd.projectcalico.org", "v1", "BlockAffinity", "blockaffinities", "blockaffinity") + "\n---\n" +
			definition("crd.projectcalico.org", "v1", "IPAMBlock", "ipamblocks", "ipamblock") + "\n---\n" +
			definition("cilium.io", "v2", "CiliumNode", "ciliumnodes", "ciliumnode") + `
---
apiVersion: crd.projectcalico.org/v1
kind: IPAMBlock
metadata: {name: 10-9-0-0-26}
spec: {affinity: "host:n1", cidr: 10.9.0.0/26}
---
apiVersion: crd.projectcalico.org/v1
kind: BlockAffinity
metadata: {name: n9-10-9-1-0-26}
spec: {node: n9, cidr: 10.9.1.0/26}
---
apiVersion: crd.projectcalico.org/v1
kind: BlockAffinity
metadata: {name: n1-10-9-0-0-26}
spec: {node: n1, cidr: 10.9.0.0/26}
---
apiVersion: cilium.io/v2
kind: CiliumNode
metadata: {name: n8}
spec: {ipam: {podCIDRs: [10.8.0.0/24]}}
---
apiVersion: v1
kind: Pod
metadata: {name: elsewhere, namespace: shop}
spec: {nodeName: n1, containers: [{name: c, image: none.example/none}]}
status: {phase: Running, startTime: "2026-01-01T00:00:00Z", podIPs: [{ip: 10.9.0.2}], podIP: 10.9.0.2}`,
		want: []string{
			"pod-network act BlockAffinity: Calico keeps addresses of pods in 2 objects|of nodes that are not there: n9",
			"pod-network act CiliumNode: Cilium keeps addresses of pods in 1 objects|n8",
			"pod-network look IPAMBlock: Calico keeps addresses of pods in 1 objects",
		},
	},
}
