package manifests

import "bytes"

// class says what the object at hand is to those who restore it. The first of these that holds decides:
//
//  1. virtual: its kind is computed on request;
//  2. terminating: it is being deleted;
//  3. node-bound: its kind describes machines;
//  4. generated: its kind is a by-product, a label or an annotation names the controller that made it, or it has a
//     controller among its owners. But a claim of a StatefulSet holds data that no controller makes again: user;
//  5. completed: it is a pod or a job that has ended;
//  6. bootstrap: a marker or its name says so, and nobody but the control plane has written more than its status;
//  7. user: a bootstrap object that somebody has changed;
//  8. bootstrap or generated: all who have written more than its status are the API server, or the other parts of the
//     control plane. But a volume or a claim is never generated: user;
//  9. user: all others, so that what nobody knows is saved.
func (c *canonicalizer) class() Class {
	r := groupResource{c.resource.Group, c.resource.Resource}
	byKind := classes[r]
	switch {
	case byKind == Virtual || virtualGroups[r.group]:
		return Virtual
	case len(c.tree.string(c.metadata, "deletionTimestamp")) > 0:
		return Terminating
	case byKind != "":
		return byKind
	case c.generated(r):
		return Generated
	case c.completed(r):
		return Completed
	case c.bootstrap(r) && !c.foreign():
		return Bootstrap
	case c.bootstrap(r) || len(c.managers) == 0 || c.foreign():
		return User
	}
	return c.bySystem(r)
}

// groupResource is a resource at any version.
type groupResource struct{ group, resource string }

// classes are those of kinds whose objects are all of one class.
var classes = map[groupResource]Class{
	{"", "componentstatuses"}:                             Virtual,
	{"packages.operators.coreos.com", "packagemanifests"}: Virtual,
	{"", "nodes"}:                              NodeBound,
	{"storage.k8s.io", "csinodes"}:             NodeBound,
	{"storage.k8s.io", "volumeattachments"}:    NodeBound,
	{"", "events"}:                             Generated,
	{"events.k8s.io", "events"}:                Generated,
	{"coordination.k8s.io", "leases"}:          Generated,
	{"coordination.k8s.io", "leasecandidates"}: Generated,
	{"apps", "controllerrevisions"}:            Generated,
}

// virtualGroups are those of the APIs of metrics (k8s.io/metrics), which store nothing.
var virtualGroups = map[string]bool{"metrics.k8s.io": true, "custom.metrics.k8s.io": true, "external.metrics.k8s.io": true}

var (
	ofClaims  = groupResource{"", "persistentvolumeclaims"}
	ofVolumes = groupResource{"", "persistentvolumes"}
)

// generated reports whether a controller makes the object anew.
func (c *canonicalizer) generated(r groupResource) bool {
	label := func(key string) []byte { return c.tree.string(c.metadata, "labels", key) }
	switch r {
	case groupResource{"", "pods"}: // the API server's picture of a static pod, see pkg/kubelet/types/constants.go
		if c.tree.child(c.metadata, "annotations", "kubernetes.io/config.mirror") != nil {
			return true
		}
	case groupResource{"", "endpoints"}: // since 1.33
		if string(label("endpoints.kubernetes.io/managed-by")) == "endpoint-controller" {
			return true
		}
	case groupResource{"discovery.k8s.io", "endpointslices"}: // KEP-752: the controllers' names end so, others' must not
		if bytes.HasSuffix(label("endpointslice.kubernetes.io/managed-by"), []byte(".k8s.io")) {
			return true
		}
	case groupResource{"networking.k8s.io", "ipaddresses"}: // KEP-1880
		if string(label("ipaddress.kubernetes.io/managed-by")) == "ipallocator" {
			return true
		}
	case groupResource{"apiregistration.k8s.io", "apiservices"}: // of a CRD; those of the API server itself say onstart
		if string(label("kube-aggregator.kubernetes.io/automanaged")) == "true" {
			return true
		}
	}
	return c.controlled(r)
}

// controlled reports whether an owner is the controller of the object and would make it again.
func (c *canonicalizer) controlled(r groupResource) bool {
	owners := c.tree.items(c.metadata, "ownerReferences")
	for i := range owners {
		if !c.tree.has("true", &owners[i], "controller") {
			continue
		}
		if r == ofClaims && c.tree.has("StatefulSet", &owners[i], "kind") { // KEP-1847
			continue
		}
		return true
	}
	return false
}

// completed reports whether the object is a pod or a job that has ended.
func (c *canonicalizer) completed(r groupResource) bool {
	status := c.tree.child(c.root, "status")
	switch r {
	case groupResource{"", "pods"}:
		return c.tree.has("Succeeded", status, "phase") || c.tree.has("Failed", status, "phase")
	case groupResource{"batch", "jobs"}:
		conditions := c.tree.items(status, "conditions")
		for i := range conditions {
			ended := c.tree.has("Complete", &conditions[i], "type") || c.tree.has("Failed", &conditions[i], "type")
			if ended && c.tree.has("True", &conditions[i], "status") {
				return true
			}
		}
	}
	return false
}

// bootstrap reports whether a marker or a name says that the control plane makes the object in every cluster.
func (c *canonicalizer) bootstrap(r groupResource) bool {
	name := string(c.tree.string(c.metadata, "name"))
	namespace := string(c.tree.string(c.metadata, "namespace"))
	switch r {
	case groupResource{"", "namespaces"}:
		return name == "default" || name == "kube-system" || name == "kube-public" || name == "kube-node-lease"
	case groupResource{"", "serviceaccounts"}:
		return name == "default" && c.untouched()
	case groupResource{"", "configmaps"}:
		return name == "kube-root-ca.crt"
	case groupResource{"", "services"}, groupResource{"", "endpoints"}, groupResource{"discovery.k8s.io", "endpointslices"}:
		return namespace == "default" && name == "kubernetes"
	case groupResource{"networking.k8s.io", "servicecidrs"}:
		return name == "kubernetes"
	case groupResource{"scheduling.k8s.io", "priorityclasses"}:
		return name == "system-node-critical" || name == "system-cluster-critical"
	case groupResource{"apiregistration.k8s.io", "apiservices"}:
		return c.tree.has("onstart", c.metadata, "labels", "kube-aggregator.kubernetes.io/automanaged")
	}
	return c.tree.has("rbac-defaults", c.metadata, "labels", "kubernetes.io/bootstrapping") ||
		c.tree.has("true", c.metadata, "annotations", "apf.kubernetes.io/autoupdate-spec")
}

// untouched reports whether a service account has nothing that people add to one. It has no managedFields to tell, and
// metadata alone does not tell of what it may pull. Its own token is among its secrets in clusters before 1.24 alone.
func (c *canonicalizer) untouched() bool {
	added := [][]string{{"metadata", "labels"}, {"metadata", "annotations"}, {"imagePullSecrets"}, {"secrets"}}
	for _, field := range added {
		if n := c.tree.child(c.root, field...); len(c.tree.children(n)) > 0 {
			return false
		}
	}
	return c.tree.child(c.root, "automountServiceAccountToken") == nil
}

// bySystem gives the class of what only the control plane has written, and that nothing else says more of.
func (c *canonicalizer) bySystem(r groupResource) Class {
	if r == ofClaims || r == ofVolumes {
		return User // there is data behind it, and the controllers make claims of StatefulSets without an owner
	}
	for i := range c.managers {
		switch m := &c.managers[i]; string(c.tree.bytes(m.name)) {
		case "kube-controller-manager", "kube-scheduler":
			if !m.status {
				return Generated
			}
		}
	}
	return Bootstrap
}
