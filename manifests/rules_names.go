package manifests

import "bytes"

// nameRule takes one annotation, label or finalizer out of the objects of a resource.
type nameRule struct {
	of    groupResource // anything if it is zero
	name  string        // all that begin so if it ends in a slash
	level Level         // as in rule
}

// systemAnnotations are those that the system writes. What tools and users write is kept: helm, Argo CD and Flux know by
// theirs what they own, and kubectl.kubernetes.io/restartedAt is a user's wish.
//
// Not here are autoscaling.alpha.kubernetes.io/metrics and behavior: where they are, in autoscaling/v1, they are the spec.
var systemAnnotations = []nameRule{
	// It repeats the whole object, with the data of a Secret: kubectl/pkg/util/apply.go.
	{name: "kubectl.kubernetes.io/last-applied-configuration", level: Faithful},
	// k8s.io/kubernetes/pkg/controller/deployment/util/deployment_util.go
	{name: "deployment.kubernetes.io/desired-replicas", level: Faithful},
	{name: "deployment.kubernetes.io/max-replicas", level: Faithful},
	{name: "deployment.kubernetes.io/revision", level: Faithful},
	{name: "deployment.kubernetes.io/revision-history", level: Faithful},
	{name: "deprecated.daemonset.template.generation", level: Faithful}, // k8s.io/api/apps/v1/types.go
	// client-go/tools/leaderelection/resourcelock, and k8s.io/api/core/v1/annotation_key_constants.go
	{name: "control-plane.alpha.kubernetes.io/leader", level: Faithful},
	{name: "endpoints.kubernetes.io/last-change-trigger-time", level: Faithful},
	// k8s.io/kubernetes/pkg/apis/autoscaling/annotations.go
	{of: ofAutoscalers, name: "autoscaling.alpha.kubernetes.io/conditions", level: Faithful},
	{of: ofAutoscalers, name: "autoscaling.alpha.kubernetes.io/current-metrics", level: Faithful},
	{of: ofSecrets, name: "kubernetes.io/service-account.uid", level: Faithful},
	{name: "batch.kubernetes.io/cronjob-scheduled-timestamp", level: Faithful}, // KEP-4026
	{name: "cluster-autoscaler.kubernetes.io/last-updated", level: Faithful},
	// k8s.io/kubernetes/pkg/kubelet/types/constants.go
	{of: ofPods, name: "kubernetes.io/config.hash", level: Faithful},
	{of: ofPods, name: "kubernetes.io/config.mirror", level: Faithful},
	{of: ofPods, name: "kubernetes.io/config.seen", level: Faithful},
	{of: ofPods, name: "kubernetes.io/config.source", level: Faithful},
	// component-helpers/storage/volume/pv_helpers.go
	{name: "pv.kubernetes.io/bind-completed", level: Portable},
	{name: "pv.kubernetes.io/bound-by-controller", level: Portable},
	{name: "pv.kubernetes.io/provisioned-by", level: Portable},
	{name: "volume.beta.kubernetes.io/storage-provisioner", level: Portable},
	{name: "volume.kubernetes.io/selected-node", level: Portable},
	{name: "volume.kubernetes.io/storage-provisioner", level: Portable},
	// What kubelet, the node controllers and network plugins say of a machine or of the address of a pod.
	{of: ofNodes, name: "node.alpha.kubernetes.io/ttl", level: Portable},
	{of: ofNodes, name: "projectcalico.org/", level: Portable},
	{of: ofNodes, name: "volumes.kubernetes.io/controller-managed-attach-detach", level: Portable},
	{of: ofPods, name: "cni.projectcalico.org/containerID", level: Portable},
	{of: ofPods, name: "cni.projectcalico.org/podIP", level: Portable},
	{of: ofPods, name: "cni.projectcalico.org/podIPs", level: Portable},
	{of: ofPods, name: "k8s.v1.cni.cncf.io/network-status", level: Portable},
	{of: ofPods, name: "k8s.v1.cni.cncf.io/networks-status", level: Portable},
	// OpenShift allocates them to each namespace.
	{of: ofNamespaces, name: "openshift.io/sa.scc.mcs", level: Portable},
	{of: ofNamespaces, name: "openshift.io/sa.scc.supplemental-groups", level: Portable},
	{of: ofNamespaces, name: "openshift.io/sa.scc.uid-range", level: Portable},
}

// systemLabels are those that the system writes, and writes anew.
var systemLabels = []nameRule{
	// k8s.io/api/apps/v1/types.go: by these a controller knows its pods
	{of: ofPods, name: "apps.kubernetes.io/pod-index", level: Portable},
	{of: ofPods, name: "controller-revision-hash", level: Portable},
	{of: ofPods, name: "pod-template-hash", level: Portable},
	{of: ofPods, name: "statefulset.kubernetes.io/pod-name", level: Portable},
	// The name once more, of which nothing else is valid: KEP-2161.
	{of: ofNamespaces, name: "kubernetes.io/metadata.name", level: Portable},
	{of: ofSecrets, name: "kubernetes.io/legacy-token-last-used", level: Portable}, // KEP-2799
}

// systemFinalizers are those that their controllers add anew. Any other is kept: where no controller answers to it, it keeps
// the object from being deleted for ever.
var systemFinalizers = []nameRule{
	{name: "batch.kubernetes.io/job-tracking", level: Portable},
	{name: "external-attacher/", level: Portable},
	{name: "external-provisioner.volume.kubernetes.io/finalizer", level: Portable},
	{name: "foregroundDeletion", level: Portable},
	{name: "kubernetes.io/pv-protection", level: Portable},
	{name: "kubernetes.io/pvc-protection", level: Portable},
	{name: "orphan", level: Portable},
	{name: "service.kubernetes.io/load-balancer-cleanup", level: Portable},
	// kubernetes-csi/external-snapshotter/pkg/utils/util.go
	{name: "snapshot.storage.kubernetes.io/pvc-as-source-protection", level: Portable},
	{name: "snapshot.storage.kubernetes.io/volumesnapshot-as-source-protection", level: Portable},
	{name: "snapshot.storage.kubernetes.io/volumesnapshot-bound-protection", level: Portable},
	{name: "snapshot.storage.kubernetes.io/volumesnapshotcontent-bound-protection", level: Portable},
}

var (
	ofAutoscalers = groupResource{"autoscaling", "horizontalpodautoscalers"}
	ofNamespaces  = groupResource{"", "namespaces"}
	ofNodes       = groupResource{"", "nodes"}
	ofSecrets     = groupResource{"", "secrets"}
)

// nameRules are rules to look up: by name, or by what names begin with.
type nameRules map[string][]nameRule

func byName(list []nameRule) nameRules {
	rules := nameRules{}
	for _, r := range list {
		rules[r.name] = append(rules[r.name], r)
	}
	return rules
}

var annotationRules, labelRules, finalizerRules = byName(systemAnnotations), byName(systemLabels), byName(systemFinalizers)

// dropNames takes out the annotations, labels and finalizers that the system has written.
func (c *canonicalizer) dropNames(of groupResource) {
	c.dropKeys(c.tree.member(c.metadata, "annotations"), "metadata.annotations", of, annotationRules)
	c.dropKeys(c.tree.member(c.metadata, "labels"), "metadata.labels", of, labelRules)
	c.dropItems(c.tree.member(c.metadata, "finalizers"), "metadata.finalizers", func(n *node) bool {
		return n.shape == shapeText && c.goes(c.tree.bytes(n.text), of, finalizerRules)
	})
}

// dropKeys takes out the members of a mapping that rules name, and the mapping with them if no other is in it.
func (c *canonicalizer) dropKeys(n *node, path string, of groupResource, rules nameRules) {
	if n == nil || n.shape != shapeMapping {
		return
	}
	dropped := false
	members := c.tree.children(n)
	for i := range members {
		if key := c.tree.bytes(members[i].key); c.goes(key, of, rules) {
			c.drop(&members[i], path+member(string(key)))
			dropped = true
		}
	}
	if dropped {
		c.dropEmptied(n, path)
	}
}

// goes reports whether one of the rules takes a name out.
func (c *canonicalizer) goes(name []byte, of groupResource, rules nameRules) bool {
	found := rules[string(name)]
	if found == nil {
		found = rules[string(name[:bytes.IndexByte(name, '/')+1])]
	}
	for _, r := range found {
		if c.applies(r.level) && (r.of == of || r.of == groupResource{}) {
			return true
		}
	}
	return false
}
