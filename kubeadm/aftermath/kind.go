package aftermath

// Kind is what a finding is about.
type Kind string

// The kinds, in the order of a report: what others follow from comes first.
const (
	RevisionBack   Kind = "revision-back"    // Act: etcd's revision is not above what it was before the restore
	TokensRefused  Kind = "tokens-refused"   // Act: a fresh token of a service account is refused, or none is given
	NotAsked       Kind = "not-asked"        // Act: something could not be looked at, so there may be more
	NodeUnknown    Kind = "node-unknown"     // Act: of Options.Nodes, and etcd has no Node of it
	NodeGone       Kind = "node-gone"        // Act: a Node that is not of Options.Nodes
	NodeSilent     Kind = "node-silent"      // Act: the kubelet does not renew the Lease of its Node
	NodeNotReady   Kind = "node-not-ready"   // Act: the kubelet renews it, and says that the node is not ready
	KubeletRestart Kind = "kubelet-restart"  // Act: the kubelet knows another time than etcd's
	PhantomPod     Kind = "phantom-pod"      // Act: runs on a node, and etcd has none of its UID
	StaticPod      Kind = "static-pod"       // Look: runs by a manifest of its node, and has no mirror pod
	LostPod        Kind = "lost-pod"         // Act: etcd has it as running, and its node does not run it or is not there
	Leaderless     Kind = "leaderless"       // Act in kube-system, Look elsewhere: a Lease that nobody renews
	Webhook        Kind = "webhook"          // Act if it fails what it is not asked about, else Look: nobody answers it
	APIService     Kind = "api-service"      // Act: an aggregated API that is not available
	PodAddress     Kind = "pod-address"      // Act: two pods with one address, or one outside of its node's range
	PodRange       Kind = "pod-range"        // Act: two nodes with overlapping ranges of pod addresses
	PodNetwork     Kind = "pod-network"      // Look; Act where it names nodes that are not there: addresses in objects of a CNI
	Attachment     Kind = "attachment"       // Act: a VolumeAttachment that no pod of its node uses, or to a node that is gone
	Volume         Kind = "volume"           // Act: no counterpart, or on a node that is gone; Look if it was released
	LoadBalancer   Kind = "load-balancer"    // Look; Act if it is not of Options.Balancers, or one of these has no Service
	NodePort       Kind = "node-port"        // Look: ports that something outside of the cluster may be set to
	LocalData      Kind = "local-data"       // Look: data that pods keep on nodes, which are of now
	Request        Kind = "signing-request"  // Look: a CertificateSigningRequest that waits for somebody
	BootstrapToken Kind = "bootstrap-tokens" // Look: one that has expired, so nobody joins with it
)

// kinds are the order and the titles of a report's text.
var kinds = []struct {
	kind  Kind
	title string
}{
	{RevisionBack, "The revision of etcd"},
	{TokensRefused, "Tokens of service accounts"},
	{NotAsked, "Not looked at"},
	{NodeUnknown, "Nodes that etcd does not know"},
	{NodeGone, "Nodes that are no more"},
	{NodeSilent, "Nodes whose kubelet does not renew its Lease"},
	{NodeNotReady, "Nodes that are not ready"},
	{KubeletRestart, "Kubelets to restart"},
	{PhantomPod, "Pods that run and that etcd does not know"},
	{StaticPod, "Static pods without a mirror pod"},
	{LostPod, "Pods that etcd has as running and that do not run"},
	{Leaderless, "Leases that nobody renews"},
	{Webhook, "Webhooks that nobody answers"},
	{APIService, "Aggregated APIs that are not available"},
	{PodAddress, "Addresses of pods"},
	{PodRange, "Ranges of pod addresses"},
	{PodNetwork, "What the pod network keeps in objects"},
	{Attachment, "Volumes that are attached elsewhere"},
	{Volume, "Volumes and claims"},
	{LoadBalancer, "Services with a load balancer"},
	{NodePort, "Services with ports on nodes"},
	{LocalData, "Data on nodes, which no backup holds"},
	{Request, "Certificates that wait for a signature"},
	{BootstrapToken, "Bootstrap tokens that have expired"},
}

// place is where a kind stands in a report.
func (k Kind) place() int {
	for i := range kinds {
		if kinds[i].kind == k {
			return i
		}
	}
	return len(kinds)
}
