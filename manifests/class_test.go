package manifests

import "testing"

// by is the managedFields of these managers. One that begins with a slash has written status only.
func by(managers ...string) string {
	fields := "managedFields: ["
	for _, name := range managers {
		if name[0] == '/' {
			fields += "{subresource: status, manager: " + name[1:] + "}, "
			continue
		}
		fields += "{manager: " + name + "}, "
	}
	return fields + "]"
}

func TestClass(t *testing.T) {
	const controller = "kube-controller-manager"
	owned := func(kind, controller string) string {
		return "ownerReferences: [{kind: Other, name: x}, {kind: " + kind + ", name: a, controller: " + controller + "}]"
	}
	for _, c := range []struct {
		name     string
		resource groupResource
		metadata string
		rest     string
		want     Class
	}{
		{"virtual", groupResource{"", "componentstatuses"}, "", "", Virtual},
		{"metrics", groupResource{"metrics.k8s.io", "pods"}, "", "", Virtual},
		{"custom metrics", groupResource{"custom.metrics.k8s.io", "x"}, "", "", Virtual},
		{"external metrics", groupResource{"external.metrics.k8s.io", "x"}, "", "", Virtual},
		{"packages", groupResource{"packages.operators.coreos.com", "packagemanifests"}, "", "", Virtual},
		{"terminating", groupResource{"", "configmaps"}, `deletionTimestamp: "2026-01-01T00:00:00Z"`, "", Terminating},
		{"terminating event", groupResource{"", "events"}, `deletionTimestamp: "2026-01-01T00:00:00Z"`, "", Terminating},
		{"not terminating", groupResource{"", "configmaps"}, `deletionTimestamp: null`, "", User},
		{"node", groupResource{"", "nodes"}, by("kubelet"), "", NodeBound},
		{"CSI node", groupResource{"storage.k8s.io", "csinodes"}, owned("Node", "true"), "", NodeBound},
		{"attachment", groupResource{"storage.k8s.io", "volumeattachments"}, by(controller), "", NodeBound},
		{"event", groupResource{"", "events"}, by("kubelet"), "", Generated},
		{"new event", groupResource{"events.k8s.io", "events"}, "", "", Generated},
		{"lease", groupResource{"coordination.k8s.io", "leases"}, by("me"), "", Generated},
		{"lease candidate", groupResource{"coordination.k8s.io", "leasecandidates"}, by("me"), "", Generated},
		{"revision", groupResource{"apps", "controllerrevisions"}, "", "", Generated},
		{"mirror pod", groupResource{"", "pods"}, "annotations: {kubernetes.io/config.mirror: x}, " + by("kubelet"), "",
			Generated},
		{"endpoints", groupResource{"", "endpoints"}, "labels: {endpoints.kubernetes.io/managed-by: endpoint-controller}",
			"", Generated},
		{"endpoints of a user", groupResource{"", "endpoints"},
			"labels: {endpoints.kubernetes.io/managed-by: me}, " + by("me"), "", User},
		{"endpoints before 1.33", groupResource{"", "endpoints"}, by(controller), "", Generated},
		{"slice", groupResource{"discovery.k8s.io", "endpointslices"},
			"labels: {endpointslice.kubernetes.io/managed-by: endpointslice-controller.k8s.io}", "", Generated},
		{"slice of a user", groupResource{"discovery.k8s.io", "endpointslices"},
			"labels: {endpointslice.kubernetes.io/managed-by: staff}", "", User},
		{"address", groupResource{"networking.k8s.io", "ipaddresses"},
			"labels: {ipaddress.kubernetes.io/managed-by: ipallocator}", "", Generated},
		{"address of a user", groupResource{"networking.k8s.io", "ipaddresses"},
			"labels: {ipaddress.kubernetes.io/managed-by: me}", "", User},
		{"API of a definition", groupResource{"apiregistration.k8s.io", "apiservices"},
			`labels: {kube-aggregator.kubernetes.io/automanaged: "true"}`, "", Generated},
		{"API of the server", groupResource{"apiregistration.k8s.io", "apiservices"},
			"labels: {kube-aggregator.kubernetes.io/automanaged: onstart}", "", Bootstrap},
		{"API of a user", groupResource{"apiregistration.k8s.io", "apiservices"}, by("kubectl"), "", User},
		{"controlled", groupResource{"apps", "replicasets"}, owned("Deployment", "true") + ", " + by("kubectl-edit"), "",
			Generated},
		{"owned only", groupResource{"apps", "replicasets"}, owned("Deployment", "false"), "", User},
		{"claim of a StatefulSet", groupResource{"", "persistentvolumeclaims"}, owned("StatefulSet", "true"), "", User},
		{"claim of a StatefulSet without owner", groupResource{"", "persistentvolumeclaims"}, by(controller), "", User},
		{"pod of a StatefulSet", groupResource{"", "pods"}, owned("StatefulSet", "true"), "", Generated},
		{"claim of a pod", groupResource{"", "persistentvolumeclaims"}, owned("Pod", "true"), "", Generated},
		{"volume made by a controller", groupResource{"", "persistentvolumes"}, by(controller), "", User},
		{"pod that has ended", groupResource{"", "pods"}, by("kubectl"), "status: {phase: Succeeded}", Completed},
		{"pod that has failed", groupResource{"", "pods"}, by("kubectl"), "status: {phase: Failed}", Completed},
		{"pod that runs", groupResource{"", "pods"}, by("kubectl"), "status: {phase: Running}", User},
		{"pod that has ended, of a job", groupResource{"", "pods"}, owned("Job", "true"), "status: {phase: Succeeded}",
			Generated},
		{"job that has ended", groupResource{"batch", "jobs"}, by("kubectl"), `status: {conditions: [{type: Suspended,
			status: "False"}, {type: Complete, status: "True"}]}`, Completed},
		{"job that has failed", groupResource{"batch", "jobs"}, by("kubectl"), `status: {conditions: [{type: Failed,
			status: "True"}]}`, Completed},
		{"job that runs", groupResource{"batch", "jobs"}, by("kubectl"), `status: {conditions: [{type: Complete,
			status: "False"}, {type: Suspended, status: "True"}]}`, User},
		{"custom resource with a phase", groupResource{"example.com", "pods"}, by("kubectl"), "status: {phase: Failed}",
			User},
		{"role of the server", groupResource{"rbac.authorization.k8s.io", "clusterroles"},
			"labels: {kubernetes.io/bootstrapping: rbac-defaults}, " + by("kube-apiserver"), "", Bootstrap},
		{"aggregated role of the server", groupResource{"rbac.authorization.k8s.io", "clusterroles"},
			"labels: {kubernetes.io/bootstrapping: rbac-defaults}, " + by("clusterrole-aggregation-controller"), "",
			Bootstrap},
		{"aggregated role without its label", groupResource{"rbac.authorization.k8s.io", "clusterroles"},
			by("clusterrole-aggregation-controller", "kube-apiserver"), "", Bootstrap},
		{"role of the server that a user has changed", groupResource{"rbac.authorization.k8s.io", "clusterroles"},
			"labels: {kubernetes.io/bootstrapping: rbac-defaults}, " + by("kube-apiserver", "kubectl-edit"), "", User},
		{"flow schema", groupResource{"flowcontrol.apiserver.k8s.io", "flowschemas"},
			`annotations: {apf.kubernetes.io/autoupdate-spec: "true"},
			` + by("api-priority-and-fairness-config-consumer-v1"), "", Bootstrap},
		{"flow schema that a user has taken over", groupResource{"flowcontrol.apiserver.k8s.io", "flowschemas"},
			`annotations: {apf.kubernetes.io/autoupdate-spec: "false"},
			` + by("api-priority-and-fairness-config-producer-v1", "kubectl"), "", User},
		{"priority class", groupResource{"scheduling.k8s.io", "priorityclasses"}, "name: system-node-critical", "",
			Bootstrap},
		{"other priority class of the system", groupResource{"scheduling.k8s.io", "priorityclasses"},
			"name: system-cluster-critical", "", Bootstrap},
		{"priority class of a user", groupResource{"scheduling.k8s.io", "priorityclasses"}, "name: high", "", User},
		{"addresses of services", groupResource{"networking.k8s.io", "servicecidrs"}, "name: kubernetes", "", Bootstrap},
		{"more addresses of services", groupResource{"networking.k8s.io", "servicecidrs"}, "name: more", "", User},
		{"service of the server", groupResource{"", "services"}, "name: kubernetes, namespace: default", "", Bootstrap},
		{"its endpoints", groupResource{"", "endpoints"}, "name: kubernetes, namespace: default", "", Bootstrap},
		{"its slice", groupResource{"discovery.k8s.io", "endpointslices"}, "name: kubernetes, namespace: default", "",
			Bootstrap},
		{"service of that name", groupResource{"", "services"}, "name: kubernetes, namespace: other", "", User},
		{"default account", groupResource{"", "serviceaccounts"}, "name: default", "", Bootstrap},
		{"default account that may pull", groupResource{"", "serviceaccounts"}, "name: default",
			"imagePullSecrets: [{name: registry}]", User},
		{"default account that may mount", groupResource{"", "serviceaccounts"}, "name: default",
			"secrets: [{name: token}]", User},
		{"default account without a token", groupResource{"", "serviceaccounts"}, "name: default",
			"automountServiceAccountToken: false", User},
		{"default account with an annotation", groupResource{"", "serviceaccounts"}, "name: default, annotations: {a: b}", "",
			User},
		{"default account with nothing in its lists", groupResource{"", "serviceaccounts"}, "name: default, labels: {}",
			"imagePullSecrets: [], secrets: []", Bootstrap},
		{"default account that a user has changed", groupResource{"", "serviceaccounts"},
			"name: default, " + by("kubectl-patch"), "", User},
		{"account", groupResource{"", "serviceaccounts"}, "name: a", "", User},
		{"root certificate", groupResource{"", "configmaps"}, "name: kube-root-ca.crt, " + by(controller), "", Bootstrap},
		{"namespace default", groupResource{"", "namespaces"}, "name: default, " + by("kube-apiserver"), "", Bootstrap},
		{"namespace kube-system", groupResource{"", "namespaces"}, "name: kube-system", "", Bootstrap},
		{"namespace kube-public", groupResource{"", "namespaces"}, "name: kube-public", "", Bootstrap},
		{"namespace kube-node-lease", groupResource{"", "namespaces"}, "name: kube-node-lease", "", Bootstrap},
		{"namespace with labels of a user", groupResource{"", "namespaces"}, "name: default, " + by("kube-apiserver",
			"kubectl-label"), "", User},
		{"namespace of a user", groupResource{"", "namespaces"}, "name: a", "", User},
		{"written by the server only", groupResource{"", "configmaps"}, by("kube-apiserver"), "", Bootstrap},
		{"written by a controller, and status by another", groupResource{"", "configmaps"}, by("kube-apiserver", controller,
			"/lb"), "", Generated},
		{"written by the scheduler", groupResource{"", "configmaps"}, by("kube-scheduler"), "", Generated},
		{"status written by a controller", groupResource{"", "configmaps"}, by("kube-apiserver", "/"+controller), "",
			Bootstrap},
		{"written by a user, and status by a controller", groupResource{"", "configmaps"}, by("kubectl", "/"+controller),
			"", User},
		{"written by nobody knows whom", groupResource{"", "configmaps"}, "", "", User},
		{"written by one without a name", groupResource{"", "configmaps"}, "managedFields: [{operation: Update}]", "",
			User},
	} {
		metadata := c.metadata
		if metadata != "" {
			metadata += ", "
		}
		if len(metadata) < 6 || metadata[:5] != "name:" {
			metadata += "name: a"
		}
		r := Resource{Group: c.resource.group, Version: "v1", Resource: c.resource.resource, Kind: "Kind"}
		form := canonical(t, jsonOf(t, "{metadata: {"+metadata+"}, "+c.rest+"}"), r, Portable)
		if form.Class != c.want {
			t.Errorf("%s is %s, want %s", c.name, form.Class, c.want)
		}
		var reader canonicalizer
		partial := jsonOf(t, "{apiVersion: meta.k8s.io/v1, kind: PartialObjectMetadata, metadata: {"+metadata+"}}")
		want := c.want
		switch { // for only metadata is there
		case want == Completed:
			want = User
		case c.resource.resource == "serviceaccounts" && c.rest != "":
			want = Bootstrap
		}
		if entry, err := reader.entry(partial, r); err != nil || entry.Class != want {
			t.Errorf("by its metadata %s is %s, with error %v, want %s", c.name, entry.Class, err, want)
		}
	}
}
