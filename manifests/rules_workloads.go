package manifests

import (
	"bytes"
	"strconv"
)

// stripPod takes out what admission and the scheduler put into a pod.
func (c *canonicalizer) stripPod() {
	spec := c.tree.child(c.root, "spec")
	account := c.tree.string(spec, "serviceAccountName")
	// serviceAccount is the old name of the same field: pkg/apis/core/v1/conversion.go.
	if old := c.tree.string(spec, "serviceAccount"); len(account) > 0 && bytes.Equal(old, account) {
		c.drop(c.tree.child(spec, "serviceAccount"), "spec.serviceAccount")
	}
	if !c.applies(Portable) {
		return
	}
	// A binding by the scheduler is in no managedFields: pkg/registry/core/pod/storage. The kubelet's own pods are on its node.
	if c.live() && (c.result.Class == Generated || !c.owned("f:spec", "f:nodeName")) {
		c.drop(c.tree.child(spec, "nodeName"), "spec.nodeName")
	}
	// Admission looks the number up, and refuses another: plugin/pkg/admission/priority.
	if len(c.tree.string(spec, "priorityClassName")) > 0 {
		c.drop(c.tree.child(spec, "priority"), "spec.priority")
	}
	// Admission adds both tolerations: plugin/pkg/admission/defaulttolerationseconds.
	c.dropItems(c.tree.child(spec, "tolerations"), "spec.tolerations", c.isDefaultToleration)
	c.stripToken(spec, account)
}

// isDefaultToleration reports whether a toleration is one that each pod gets.
func (c *canonicalizer) isDefaultToleration(n *node) bool {
	d := &c.tree
	return len(d.children(n)) == 4 &&
		d.has("NoExecute", n, "effect") && d.has("Exists", n, "operator") && d.has("300", n, "tolerationSeconds") &&
		(d.has("node.kubernetes.io/not-ready", n, "key") || d.has("node.kubernetes.io/unreachable", n, "key"))
}

// tokenPath is where each container finds the token of its service account: plugin/pkg/admission/serviceaccount.
const tokenPath = "/var/run/secrets/kubernetes.io/serviceaccount"

// stripToken takes out the volume with the token of the service account, which admission adds under a random name, and where
// it is mounted. Before 1.22 it was a Secret.
func (c *canonicalizer) stripToken(spec *node, account []byte) {
	d := &c.tree
	secret := append(bytes.Clone(account), "-token-"...)
	named := func(n *node, source string) bool {
		name := d.string(n, "name")
		switch {
		case bytes.HasPrefix(name, []byte("kube-api-access-")):
			return source == "" || d.child(n, source) != nil && source == "projected"
		case bytes.HasPrefix(name, secret):
			return source == "" || d.child(n, source) != nil && source == "secret"
		}
		return false
	}
	for _, list := range [...]string{"containers", "initContainers"} {
		containers := d.items(spec, list)
		for i := range containers {
			mounts := d.child(&containers[i], "volumeMounts")
			c.dropItems(mounts, "spec."+list+"["+strconv.Itoa(i)+"].volumeMounts", func(n *node) bool {
				return d.has(tokenPath, n, "mountPath") && named(n, "")
			})
		}
	}
	c.dropItems(d.child(spec, "volumes"), "spec.volumes", func(n *node) bool {
		return named(n, "projected") || named(n, "secret")
	})
}

// stripJob takes out the selector that the API server makes of the job's uid, and the labels that go with it: it refuses any
// other unless manualSelector is true. Source: pkg/registry/batch/job/strategy.go.
func (c *canonicalizer) stripJob() {
	spec := c.tree.child(c.root, "spec")
	if c.tree.has("true", spec, "manualSelector") {
		return
	}
	c.drop(c.tree.child(spec, "selector"), "spec.selector")
	for _, key := range [...]string{
		"batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name", "controller-uid", "job-name",
	} {
		c.dropMember(c.tree.child(c.metadata, "labels"), "metadata.labels", key)
		c.dropMember(c.tree.child(spec, "template", "metadata", "labels"), "spec.template.metadata.labels", key)
	}
}
