package manifests

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// core, and the functions below it, are resources with a status subresource.
func core(resource, kind string) Resource {
	return Resource{Version: "v1", Resource: resource, Kind: kind, Status: true}
}

func in(group, resource, kind string) Resource {
	return Resource{Group: group, Version: "v1", Resource: resource, Kind: kind, Status: true}
}

// writes are the managedFields of a user who has written these fields of the spec.
func writes(fields string) string {
	return `managedFields: [{manager: kubectl-create, operation: Update, fieldsType: FieldsV1,
		fieldsV1: {"f:spec": {` + fields + `}}}]`
}

type rulesCase struct {
	name     string
	r        Resource
	object   string
	portable string
	faithful string   // empty: as portable
	removed  []string // at Portable, but for uid and managedFields
}

// rulesCases have at least one object for each rule, and for each condition one object that does not meet it.
var rulesCases = slices.Concat(metadataCases, serviceCases, podCases, workloadCases, storageCases, otherCases)

var metadataCases = []rulesCase{
	{
		name: "metadata that the server sets", r: core("configmaps", "ConfigMap"),
		object: `metadata: {name: a, namespace: b, uid: u, resourceVersion: "5", generation: 3,
			creationTimestamp: "2026-01-01T00:00:00Z", selfLink: /a,
		    deletionTimestamp: "2026-01-01T00:00:00Z", deletionGracePeriodSeconds: 30, managedFields: [], generateName: a-,
			unknown: {}}`,
		portable: `metadata: {name: a, namespace: b, generateName: a-, unknown: {}}`,
		removed: []string{
			"metadata.creationTimestamp", "metadata.deletionGracePeriodSeconds", "metadata.deletionTimestamp",
			"metadata.generation", "metadata.managedFields", "metadata.resourceVersion", "metadata.selfLink",
			"metadata.uid",
		},
	},
	{
		name: "owners", r: core("configmaps", "ConfigMap"),
		object:   `metadata: {name: a, ownerReferences: [{kind: Deployment, name: b, uid: c}]}`,
		portable: `metadata: {name: a}`,
		faithful: `metadata: {name: a, ownerReferences: [{kind: Deployment, name: b, uid: c}]}`,
		removed:  []string{"metadata.ownerReferences"},
	},
	{
		name: "annotations of the system, at both levels", r: in("apps", "deployments", "Deployment"),
		object: `metadata: {name: a, annotations: {
		    kubectl.kubernetes.io/last-applied-configuration: '{"data":{"password":"c2VjcmV0"}}',
			deployment.kubernetes.io/revision: "1",
		    deployment.kubernetes.io/revision-history: "1", deployment.kubernetes.io/desired-replicas: "1",
			deployment.kubernetes.io/max-replicas: "1",
		    deprecated.daemonset.template.generation: "1", control-plane.alpha.kubernetes.io/leader: "{}",
		    endpoints.kubernetes.io/last-change-trigger-time: x, batch.kubernetes.io/cronjob-scheduled-timestamp: x,
		    cluster-autoscaler.kubernetes.io/last-updated: x, kubectl.kubernetes.io/restartedAt: now,
			meta.helm.sh/release-name: a,
		    argocd.argoproj.io/tracking-id: a, kustomize.toolkit.fluxcd.io/ssa: merge, a: "",
			kubernetes.io/service-account.uid: not of a Secret,
		    kubernetes.io/config.hash: not of a Pod, autoscaling.alpha.kubernetes.io/conditions: not of an autoscaler,
		    projectcalico.org/x: not of a node, node.alpha.kubernetes.io/ttl: not of a node,
			openshift.io/sa.scc.mcs: not of a namespace}}`,
		portable: `metadata: {name: a, annotations: {kubectl.kubernetes.io/restartedAt: now, meta.helm.sh/release-name: a,
		    argocd.argoproj.io/tracking-id: a, kustomize.toolkit.fluxcd.io/ssa: merge, a: "",
			kubernetes.io/service-account.uid: not of a Secret,
		    kubernetes.io/config.hash: not of a Pod, autoscaling.alpha.kubernetes.io/conditions: not of an autoscaler,
		    projectcalico.org/x: not of a node, node.alpha.kubernetes.io/ttl: not of a node,
			openshift.io/sa.scc.mcs: not of a namespace}}`,
		removed: []string{
			`metadata.annotations["batch.kubernetes.io/cronjob-scheduled-timestamp"]`,
			`metadata.annotations["cluster-autoscaler.kubernetes.io/last-updated"]`,
			`metadata.annotations["control-plane.alpha.kubernetes.io/leader"]`,
			`metadata.annotations["deployment.kubernetes.io/desired-replicas"]`,
			`metadata.annotations["deployment.kubernetes.io/max-replicas"]`,
			`metadata.annotations["deployment.kubernetes.io/revision"]`,
			`metadata.annotations["deployment.kubernetes.io/revision-history"]`,
			`metadata.annotations["deprecated.daemonset.template.generation"]`,
			`metadata.annotations["endpoints.kubernetes.io/last-change-trigger-time"]`,
			`metadata.annotations["kubectl.kubernetes.io/last-applied-configuration"]`,
		},
	},
	{
		name: "annotations of an autoscaler", r: in("autoscaling", "horizontalpodautoscalers", "HorizontalPodAutoscaler"),
		object: `metadata: {name: a, annotations: {autoscaling.alpha.kubernetes.io/conditions: "[]",
		    autoscaling.alpha.kubernetes.io/current-metrics: "[]", autoscaling.alpha.kubernetes.io/metrics: "[the spec]",
			autoscaling.alpha.kubernetes.io/behavior: "{}"}}`,
		portable: `metadata: {name: a, annotations: {autoscaling.alpha.kubernetes.io/metrics: "[the spec]",
			autoscaling.alpha.kubernetes.io/behavior: "{}"}}`,
		removed: []string{`metadata.annotations["autoscaling.alpha.kubernetes.io/conditions"]`,
			`metadata.annotations["autoscaling.alpha.kubernetes.io/current-metrics"]`},
	},
	{
		name: "annotations of volumes and claims", r: core("persistentvolumes", "PersistentVolume"),
		object: `metadata: {name: a, annotations: {pv.kubernetes.io/bind-completed: "yes",
			pv.kubernetes.io/bound-by-controller: "yes",
		    pv.kubernetes.io/provisioned-by: x, volume.kubernetes.io/selected-node: x,
			volume.kubernetes.io/storage-provisioner: x,
		    volume.beta.kubernetes.io/storage-provisioner: x}}`,
		portable: `metadata: {name: a}`,
		faithful: `metadata: {name: a, annotations: {pv.kubernetes.io/bind-completed: "yes",
			pv.kubernetes.io/bound-by-controller: "yes",
		    pv.kubernetes.io/provisioned-by: x, volume.kubernetes.io/selected-node: x,
			volume.kubernetes.io/storage-provisioner: x,
		    volume.beta.kubernetes.io/storage-provisioner: x}}`,
		removed: []string{
			`metadata.annotations["pv.kubernetes.io/bind-completed"]`,
			`metadata.annotations["pv.kubernetes.io/bound-by-controller"]`,
			`metadata.annotations["pv.kubernetes.io/provisioned-by"]`,
			`metadata.annotations["volume.beta.kubernetes.io/storage-provisioner"]`,
			`metadata.annotations["volume.kubernetes.io/selected-node"]`,
			`metadata.annotations["volume.kubernetes.io/storage-provisioner"]`,
			`metadata.annotations`,
		},
	},
	{
		name: "annotations of a node", r: core("nodes", "Node"),
		object: `metadata: {name: a, annotations: {node.alpha.kubernetes.io/ttl: "0",
			projectcalico.org/IPv4Address: 1.2.3.4,
		    volumes.kubernetes.io/controller-managed-attach-detach: "true", projectcalico.org: kept}}`,
		portable: `metadata: {name: a, annotations: {projectcalico.org: kept}}`,
		faithful: `metadata: {name: a, annotations: {node.alpha.kubernetes.io/ttl: "0",
			projectcalico.org/IPv4Address: 1.2.3.4,
		    volumes.kubernetes.io/controller-managed-attach-detach: "true", projectcalico.org: kept}}`,
		removed: []string{
			`metadata.annotations["node.alpha.kubernetes.io/ttl"]`, `metadata.annotations["projectcalico.org/IPv4Address"]`,
			`metadata.annotations["volumes.kubernetes.io/controller-managed-attach-detach"]`,
		},
	},
	{
		name: "what is emptied goes, what was empty stays", r: core("configmaps", "ConfigMap"),
		object: `{metadata: {name: a, annotations: {deployment.kubernetes.io/revision: "1"}, labels: {}, finalizers: []},
			data: {}, binaryData: {a: {}}}`,
		portable: `{metadata: {name: a, labels: {}, finalizers: []}, data: {}, binaryData: {a: {}}}`,
		removed:  []string{`metadata.annotations["deployment.kubernetes.io/revision"]`, `metadata.annotations`},
	},
	{
		name: "empty annotations of a user", r: core("configmaps", "ConfigMap"),
		object: `metadata: {name: a, annotations: {}}`, portable: `metadata: {name: a, annotations: {}}`,
	},
	{
		name: "annotations that are none", r: core("configmaps", "ConfigMap"),
		object:   `metadata: {name: a, annotations: [x], labels: null, finalizers: {a: orphan}, ownerReferences: null}`,
		portable: `metadata: {name: a, annotations: [x], labels: null, finalizers: {a: orphan}}`,
		faithful: `metadata: {name: a, annotations: [x], labels: null, finalizers: {a: orphan}, ownerReferences: null}`,
		removed:  []string{"metadata.ownerReferences"},
	},
	{
		name: "finalizers", r: core("persistentvolumeclaims", "PersistentVolumeClaim"),
		object: `metadata: {name: a, finalizers: [kubernetes.io/pvc-protection, example.com/mine,
			kubernetes.io/pv-protection, foregroundDeletion, orphan,
		    service.kubernetes.io/load-balancer-cleanup, batch.kubernetes.io/job-tracking,
			external-attacher/csi-example-com,
		    external-provisioner.volume.kubernetes.io/finalizer, snapshot.storage.kubernetes.io/pvc-as-source-protection,
		    snapshot.storage.kubernetes.io/volumesnapshot-as-source-protection,
			snapshot.storage.kubernetes.io/volumesnapshot-bound-protection,
		    snapshot.storage.kubernetes.io/volumesnapshotcontent-bound-protection]}`,
		portable: `metadata: {name: a, finalizers: [example.com/mine]}`,
		faithful: `metadata: {name: a, finalizers: [kubernetes.io/pvc-protection, example.com/mine,
			kubernetes.io/pv-protection, foregroundDeletion, orphan,
		    service.kubernetes.io/load-balancer-cleanup, batch.kubernetes.io/job-tracking,
			external-attacher/csi-example-com,
		    external-provisioner.volume.kubernetes.io/finalizer, snapshot.storage.kubernetes.io/pvc-as-source-protection,
		    snapshot.storage.kubernetes.io/volumesnapshot-as-source-protection,
			snapshot.storage.kubernetes.io/volumesnapshot-bound-protection,
		    snapshot.storage.kubernetes.io/volumesnapshotcontent-bound-protection]}`,
		removed: []string{
			"metadata.finalizers[0]", "metadata.finalizers[2]", "metadata.finalizers[3]", "metadata.finalizers[4]",
			"metadata.finalizers[5]",
			"metadata.finalizers[6]", "metadata.finalizers[7]", "metadata.finalizers[8]", "metadata.finalizers[9]",
			"metadata.finalizers[10]",
			"metadata.finalizers[11]", "metadata.finalizers[12]",
		},
	},
	{
		name: "the only finalizer", r: core("persistentvolumes", "PersistentVolume"),
		object:   `metadata: {name: a, finalizers: [kubernetes.io/pv-protection]}`,
		portable: `metadata: {name: a}`,
		faithful: `metadata: {name: a, finalizers: [kubernetes.io/pv-protection]}`,
		removed:  []string{"metadata.finalizers[0]", "metadata.finalizers"},
	},
	{
		name: "status with a subresource", r: in("example.com", "widgets", "Widget"),
		object: `{metadata: {name: a}, status: {ready: true}, spec: {status: x}}`, portable: `{metadata: {name: a},
			spec: {status: x}}`,
		removed: []string{"status"},
	},
	{
		name: "status without one, and a template that is not Kubernetes'", r: Resource{Group: "example.com", Version: "v1",
			Resource: "widgets", Kind: "Widget"},
		object: `{metadata: {name: a}, status: {ready: true}, spec: {template: {metadata: {creationTimestamp: null}},
			uid: x, managedFields: [{fieldsV1: {a: b}}]}}`,
		portable: `{metadata: {name: a}, status: {ready: true}, spec: {template: {metadata: {creationTimestamp: null}},
			uid: x, managedFields: [{fieldsV1: {a: b}}]}}`,
	},
	{
		name: "what a custom resource shares with a kind of Kubernetes", r: in("example.com", "services", "Service"),
		object:   `{metadata: {name: a, uid: u}, spec: {clusterIP: 10.0.0.1, ports: [{port: 1, nodePort: 30000}]}}`,
		portable: `{metadata: {name: a}, spec: {clusterIP: 10.0.0.1, ports: [{port: 1, nodePort: 30000}]}}`,
	},
}

var serviceCases = []rulesCase{
	{
		name: "allocated", r: core("services", "Service"),
		object: `{metadata: {name: a, uid: u, ` + writes(`"f:ports": {'k:{"port":80,"protocol":"TCP"}': {"f:port": {}}},
			"f:type": {}`) + `},
		    spec: {type: LoadBalancer, clusterIP: 10.96.0.7, clusterIPs: [10.96.0.7], ipFamilies: [IPv4],
			ipFamilyPolicy: SingleStack, healthCheckNodePort: 31000,
		    ports: [{port: 80, protocol: TCP, nodePort: 30001}, {port: 443, nodePort: 30002}], selector: {}},
			status: {loadBalancer: {}}}`,
		portable: `{metadata: {name: a}, spec: {type: LoadBalancer, ipFamilyPolicy: SingleStack, ports: [{port: 80,
			protocol: TCP}, {port: 443}], selector: {}}}`,
		faithful: `{metadata: {name: a}, spec: {type: LoadBalancer, clusterIP: 10.96.0.7, clusterIPs: [10.96.0.7],
			ipFamilies: [IPv4], ipFamilyPolicy: SingleStack,
		    healthCheckNodePort: 31000, ports: [{port: 80, protocol: TCP, nodePort: 30001}, {port: 443, nodePort: 30002}],
			selector: {}}}`,
		removed: []string{"status", "spec.clusterIP", "spec.clusterIPs", "spec.ipFamilies", "spec.ports[0].nodePort",
			"spec.ports[1].nodePort", "spec.healthCheckNodePort"},
	},
	{
		name: "set by a user", r: core("services", "Service"),
		object: `{metadata: {name: a, uid: u, ` + writes(`"f:clusterIP": {}, "f:ipFamilies": {},
			"f:healthCheckNodePort": {}, "f:ports": {'k:{"port":80,"protocol":"TCP"}':
		    {"f:nodePort": {}}, 'k:{"port":53,"protocol":"UDP"}': {"f:nodePort": {}}}`) + `},
		    spec: {clusterIP: 10.96.0.7, clusterIPs: [10.96.0.7], ipFamilies: [IPv4], ipFamilyPolicy: SingleStack,
			healthCheckNodePort: 31000,
		    ports: [{port: 80, nodePort: 30001}, {port: 53, protocol: UDP, nodePort: 30002}, {port: 53, protocol: TCP,
			nodePort: 30003}]}}`,
		portable: `{metadata: {name: a}, spec: {clusterIP: 10.96.0.7, ipFamilies: [IPv4], ipFamilyPolicy: SingleStack,
			healthCheckNodePort: 31000,
		    ports: [{port: 80, nodePort: 30001}, {port: 53, protocol: UDP, nodePort: 30002}, {port: 53, protocol: TCP}]}}`,
		faithful: `{metadata: {name: a}, spec: {clusterIP: 10.96.0.7, clusterIPs: [10.96.0.7], ipFamilies: [IPv4],
			ipFamilyPolicy: SingleStack, healthCheckNodePort: 31000,
		    ports: [{port: 80, nodePort: 30001}, {port: 53, protocol: UDP, nodePort: 30002}, {port: 53, protocol: TCP,
			nodePort: 30003}]}}`,
		removed: []string{"spec.clusterIPs", "spec.ports[2].nodePort"},
	},
	{
		name: "both addresses set by a user", r: core("services", "Service"),
		object: `{metadata: {name: a, uid: u, ` + writes(`"f:clusterIPs": {}`) + `}, spec: {clusterIP: 10.96.0.7,
			clusterIPs: [10.96.0.7, "fd00::7"],
		    ipFamilies: [IPv4, IPv6], ipFamilyPolicy: RequireDualStack}}`,
		portable: `{metadata: {name: a}, spec: {clusterIP: 10.96.0.7, clusterIPs: [10.96.0.7, "fd00::7"], ipFamilies: [IPv4,
			IPv6], ipFamilyPolicy: RequireDualStack}}`,
	},
	{
		name: "managers that don't count, and one whose fields can't be read", r: core("services", "Service"),
		object: `{metadata: {name: a, uid: u, managedFields: [{manager: lb, subresource: status,
			fieldsV1: {"f:spec": {"f:clusterIP": {}}}},
		    {manager: kube-controller-manager, fieldsV1: {"f:spec": {"f:clusterIP": {}}}}, {manager: x}, {manager: y,
			fieldsV1: null}]}, spec: {clusterIP: 10.96.0.7}}`,
		portable: `{metadata: {name: a}, spec: {}}`,
		faithful: `{metadata: {name: a}, spec: {clusterIP: 10.96.0.7}}`,
		removed:  []string{"spec.clusterIP"},
	},
	{
		name: "headless", r: core("services", "Service"),
		object: `{metadata: {name: a, uid: u}, spec: {clusterIP: None, clusterIPs: [None], ipFamilies: [IPv4],
			ipFamilyPolicy: SingleStack}}`,
		portable: `{metadata: {name: a}, spec: {clusterIP: None, clusterIPs: [None], ipFamilyPolicy: SingleStack}}`,
		faithful: `{metadata: {name: a}, spec: {clusterIP: None, clusterIPs: [None], ipFamilies: [IPv4],
			ipFamilyPolicy: SingleStack}}`,
		removed: []string{"spec.ipFamilies"},
	},
	{
		name: "without an address", r: core("services", "Service"),
		object: `{metadata: {name: a, uid: u}, spec: {clusterIP: "", clusterIPs: []}}`, portable: `{metadata: {name: a},
			spec: {clusterIP: "", clusterIPs: []}}`,
	},
	{
		name: "of another name", r: core("services", "Service"),
		object: `{metadata: {name: a, uid: u}, spec: {type: ExternalName, externalName: b.c, clusterIP: 10.0.0.1,
			ports: [{port: 1, nodePort: 30000}]}}`,
		portable: `{metadata: {name: a}, spec: {type: ExternalName, externalName: b.c, clusterIP: 10.0.0.1,
			ports: [{port: 1, nodePort: 30000}]}}`,
	},
	{
		name: "written by hand", r: core("services", "Service"),
		object: `{metadata: {name: a}, spec: {clusterIP: 10.96.0.7, ipFamilies: [IPv4], ipFamilyPolicy: SingleStack,
			ports: [{port: 80, nodePort: 30001}]}}`,
		portable: `{metadata: {name: a}, spec: {clusterIP: 10.96.0.7, ipFamilies: [IPv4], ipFamilyPolicy: SingleStack,
			ports: [{port: 80, nodePort: 30001}]}}`,
	},
}

var podCases = []rulesCase{
	{
		name: "what admission and the scheduler add", r: core("pods", "Pod"),
		object: `{metadata: {name: a, uid: u, labels: {app: a, pod-template-hash: x, controller-revision-hash: x,
			statefulset.kubernetes.io/pod-name: a, apps.kubernetes.io/pod-index: "0"},
		    annotations: {kubernetes.io/config.hash: x, kubernetes.io/config.seen: x, kubernetes.io/config.mirror: x,
			kubernetes.io/config.source: file,
		    cni.projectcalico.org/containerID: x, cni.projectcalico.org/podIP: x, cni.projectcalico.org/podIPs: x,
			cni.projectcalico.org/ipv4pools: '["mine"]',
		    k8s.v1.cni.cncf.io/network-status: x, k8s.v1.cni.cncf.io/networks-status: x,
			k8s.v1.cni.cncf.io/networks: mine}},
		  spec: {nodeName: n, serviceAccount: s, serviceAccountName: s, priorityClassName: high, priority: 1000,
			enableServiceLinks: true, preemptionPolicy: Never,
		    ephemeralContainers: [{name: debug}],
		    tolerations: [{key: node.kubernetes.io/not-ready, operator: Exists, effect: NoExecute, tolerationSeconds: 300},
		      {key: node.kubernetes.io/unreachable, operator: Exists, effect: NoExecute, tolerationSeconds: 300},
		      {key: node.kubernetes.io/not-ready, operator: Exists, effect: NoExecute, tolerationSeconds: 60}, {key: mine}],
		    volumes: [{name: data, emptyDir: {}}, {name: kube-api-access-x7k2p, projected: {sources: []}}],
		    initContainers: [{name: i, volumeMounts: [{name: kube-api-access-x7k2p,
			mountPath: /var/run/secrets/kubernetes.io/serviceaccount, readOnly: true}]}],
		    containers: [{name: c, volumeMounts: [{name: data, mountPath: /data}, {name: kube-api-access-x7k2p,
			mountPath: /var/run/secrets/kubernetes.io/serviceaccount}]},
		      {name: d, volumeMounts: []}, {name: e, volumeMounts: [{name: kube-api-access-x7k2p,
			mountPath: /elsewhere}]}]},
		  status: {phase: Running}}`,
		portable: `{metadata: {name: a, labels: {app: a}, annotations: {cni.projectcalico.org/ipv4pools: '["mine"]',
			k8s.v1.cni.cncf.io/networks: mine}},
		  spec: {serviceAccountName: s, priorityClassName: high, enableServiceLinks: true, preemptionPolicy: Never,
		    tolerations: [{key: node.kubernetes.io/not-ready, operator: Exists, effect: NoExecute, tolerationSeconds: 60},
			{key: mine}],
		    volumes: [{name: data, emptyDir: {}}], initContainers: [{name: i}],
		    containers: [{name: c, volumeMounts: [{name: data, mountPath: /data}]}, {name: d, volumeMounts: []},
		      {name: e, volumeMounts: [{name: kube-api-access-x7k2p, mountPath: /elsewhere}]}]}}`,
		faithful: `{metadata: {name: a, labels: {app: a, pod-template-hash: x, controller-revision-hash: x,
			statefulset.kubernetes.io/pod-name: a, apps.kubernetes.io/pod-index: "0"},
		    annotations: {cni.projectcalico.org/containerID: x, cni.projectcalico.org/podIP: x,
			cni.projectcalico.org/podIPs: x, cni.projectcalico.org/ipv4pools: '["mine"]',
		    k8s.v1.cni.cncf.io/network-status: x, k8s.v1.cni.cncf.io/networks-status: x,
			k8s.v1.cni.cncf.io/networks: mine}},
		  spec: {nodeName: n, serviceAccountName: s, priorityClassName: high, priority: 1000, enableServiceLinks: true,
			preemptionPolicy: Never,
		    tolerations: [{key: node.kubernetes.io/not-ready, operator: Exists, effect: NoExecute, tolerationSeconds: 300},
		      {key: node.kubernetes.io/unreachable, operator: Exists, effect: NoExecute, tolerationSeconds: 300},
		      {key: node.kubernetes.io/not-ready, operator: Exists, effect: NoExecute, tolerationSeconds: 60}, {key: mine}],
		    volumes: [{name: data, emptyDir: {}}, {name: kube-api-access-x7k2p, projected: {sources: []}}],
		    initContainers: [{name: i, volumeMounts: [{name: kube-api-access-x7k2p,
			mountPath: /var/run/secrets/kubernetes.io/serviceaccount, readOnly: true}]}],
		    containers: [{name: c, volumeMounts: [{name: data, mountPath: /data}, {name: kube-api-access-x7k2p,
			mountPath: /var/run/secrets/kubernetes.io/serviceaccount}]},
		      {name: d, volumeMounts: []}, {name: e, volumeMounts: [{name: kube-api-access-x7k2p,
			mountPath: /elsewhere}]}]}}`,
		removed: []string{
			"status", "spec.serviceAccount", "spec.nodeName", "spec.priority", "spec.tolerations[0]", "spec.tolerations[1]",
			"spec.containers[0].volumeMounts[1]", "spec.initContainers[0].volumeMounts[0]",
			"spec.initContainers[0].volumeMounts", "spec.volumes[1]",
			`metadata.annotations["cni.projectcalico.org/containerID"]`,
			`metadata.annotations["cni.projectcalico.org/podIP"]`,
			`metadata.annotations["cni.projectcalico.org/podIPs"]`,
			`metadata.annotations["k8s.v1.cni.cncf.io/network-status"]`,
			`metadata.annotations["k8s.v1.cni.cncf.io/networks-status"]`,
			`metadata.annotations["kubernetes.io/config.hash"]`,
			`metadata.annotations["kubernetes.io/config.mirror"]`, `metadata.annotations["kubernetes.io/config.seen"]`,
			`metadata.annotations["kubernetes.io/config.source"]`, `metadata.labels["apps.kubernetes.io/pod-index"]`,
			`metadata.labels["controller-revision-hash"]`, `metadata.labels["pod-template-hash"]`,
			`metadata.labels["statefulset.kubernetes.io/pod-name"]`,
			"spec.ephemeralContainers",
		},
	},
	{
		name: "on the node that a user chose", r: core("pods", "Pod"),
		object:   `{metadata: {name: a, uid: u, ` + writes(`"f:nodeName": {}`) + `}, spec: {nodeName: n}}`,
		portable: `{metadata: {name: a}, spec: {nodeName: n}}`,
	},
	{
		name: "on a node that a part of the control plane chose", r: core("pods", "Pod"),
		object: `{metadata: {name: a, uid: u, managedFields: [{manager: kube-controller-manager, operation: Update,
			fieldsType: FieldsV1, fieldsV1: {"f:spec": {"f:nodeName": {}}}}]}, spec: {nodeName: n, hostNetwork: true}}`,
		portable: `{metadata: {name: a}, spec: {hostNetwork: true}}`,
		faithful: `{metadata: {name: a}, spec: {nodeName: n, hostNetwork: true}}`,
		removed:  []string{"spec.nodeName"},
	},
	{
		name: "of the kubelet's own", r: core("pods", "Pod"),
		object: `{metadata: {name: a, uid: u, annotations: {kubernetes.io/config.mirror: x}, managedFields: [{manager: kubelet,
			operation: Update, fieldsType: FieldsV1, fieldsV1: {"f:spec": {"f:nodeName": {}}}}]},
		  spec: {nodeName: n, hostNetwork: true}}`,
		portable: `{metadata: {name: a}, spec: {hostNetwork: true}}`,
		faithful: `{metadata: {name: a}, spec: {nodeName: n, hostNetwork: true}}`,
		removed:  []string{"spec.nodeName", `metadata.annotations["kubernetes.io/config.mirror"]`, "metadata.annotations"},
	},
	{
		name: "written by hand for a node", r: core("pods", "Pod"),
		object:   `{metadata: {name: a}, spec: {nodeName: n}}`,
		portable: `{metadata: {name: a}, spec: {nodeName: n}}`,
	},
	{
		name: "with the token of an old cluster", r: core("pods", "Pod"),
		object: `{metadata: {name: a}, spec: {serviceAccountName: default, volumes: [{name: default-token-x7k2p,
			secret: {secretName: default-token-x7k2p}}],
		    containers: [{name: c, volumeMounts: [{name: default-token-x7k2p,
			mountPath: /var/run/secrets/kubernetes.io/serviceaccount}]}],
		    tolerations: [{key: node.kubernetes.io/not-ready, operator: Exists, effect: NoExecute,
			tolerationSeconds: 300}]}}`,
		portable: `{metadata: {name: a}, spec: {serviceAccountName: default, containers: [{name: c}]}}`,
		faithful: `{metadata: {name: a}, spec: {serviceAccountName: default, volumes: [{name: default-token-x7k2p,
			secret: {secretName: default-token-x7k2p}}],
		    containers: [{name: c, volumeMounts: [{name: default-token-x7k2p,
			mountPath: /var/run/secrets/kubernetes.io/serviceaccount}]}],
		    tolerations: [{key: node.kubernetes.io/not-ready, operator: Exists, effect: NoExecute,
			tolerationSeconds: 300}]}}`,
		removed: []string{
			"spec.tolerations[0]", "spec.tolerations", "spec.containers[0].volumeMounts[0]",
			"spec.containers[0].volumeMounts", "spec.volumes[0]", "spec.volumes",
		},
	},
	{
		name: "without an account", r: core("pods", "Pod"),
		object:   `{metadata: {name: a}, spec: {serviceAccount: "", containers: []}}`,
		portable: `{metadata: {name: a}, spec: {serviceAccount: "", containers: []}}`,
	},
	{
		name: "what only looks like it", r: core("pods", "Pod"),
		object: `{metadata: {name: a}, spec: {serviceAccount: other, serviceAccountName: s, priority: 0,
			volumes: [{name: kube-api-access-mine, emptyDir: {}},
		    {name: s-token-mine, projected: {}}, {name: s-mine, secret: {}}, {name: other-token-x7k2p, secret: {}}],
			containers: [{name: c,
			volumeMounts: [{name: mine,
		    mountPath: /var/run/secrets/kubernetes.io/serviceaccount}]}], tolerations: [{key: node.kubernetes.io/not-ready,
			operator: Exists, effect: NoExecute,
		    tolerationSeconds: 300, value: x}, {key: a, operator: Exists, effect: NoExecute, tolerationSeconds: 300}]}}`,
		portable: `{metadata: {name: a}, spec: {serviceAccount: other, serviceAccountName: s, priority: 0,
			volumes: [{name: kube-api-access-mine, emptyDir: {}},
		    {name: s-token-mine, projected: {}}, {name: s-mine, secret: {}}, {name: other-token-x7k2p, secret: {}}],
			containers: [{name: c,
			volumeMounts: [{name: mine,
		    mountPath: /var/run/secrets/kubernetes.io/serviceaccount}]}], tolerations: [{key: node.kubernetes.io/not-ready,
			operator: Exists, effect: NoExecute,
		    tolerationSeconds: 300, value: x}, {key: a, operator: Exists, effect: NoExecute, tolerationSeconds: 300}]}}`,
	},
}

// template is a template with empty times, before and after.
const (
	timedTemplate = `{metadata: {creationTimestamp: null, labels: {a: b}}, spec: {volumes: [{name: v,
		ephemeral: {volumeClaimTemplate: {metadata: {creationTimestamp: null}, spec: {}}}}]}}`
	cleanTemplate = `{metadata: {labels: {a: b}}, spec: {volumes: [{name: v, ephemeral: {volumeClaimTemplate: {metadata: {},
		spec: {}}}}]}}`
)

func templateCase(r Resource, open, close string, path string, more ...string) rulesCase {
	return rulesCase{
		name: "empty times of " + r.Kind, r: r,
		object:   `{metadata: {name: a}, ` + open + timedTemplate + close + `}`,
		portable: `{metadata: {name: a}, ` + open + cleanTemplate + close + `}`,
		removed: append(more, path+".metadata.creationTimestamp",
			path+".spec.volumes[0].ephemeral.volumeClaimTemplate.metadata.creationTimestamp"),
	}
}

var workloadCases = []rulesCase{
	templateCase(in("apps", "deployments", "Deployment"), "spec: {template: ", "}", "spec.template"),
	templateCase(in("apps", "replicasets", "ReplicaSet"), "spec: {template: ", "}", "spec.template"),
	templateCase(in("apps", "daemonsets", "DaemonSet"), "spec: {template: ", "}", "spec.template"),
	templateCase(in("apps", "statefulsets", "StatefulSet"), "spec: {template: ", "}", "spec.template"),
	templateCase(in("batch", "jobs", "Job"), "spec: {manualSelector: true, template: ", "}", "spec.template"),
	templateCase(in("batch", "cronjobs", "CronJob"), "spec: {jobTemplate: {spec: {template: ", "}}}",
		"spec.jobTemplate.spec.template"),
	templateCase(core("replicationcontrollers", "ReplicationController"), "spec: {template: ", "}", "spec.template"),
	templateCase(core("podtemplates", "PodTemplate"), "template: ", "", "template"),
	{
		name: "empty time of a pod's claim, of a job template and of a template of resource claims", r: core("pods", "Pod"),
		object: `{metadata: {name: a}, spec: {volumes: [{name: v}, {name: w,
			ephemeral: {volumeClaimTemplate: {metadata: {creationTimestamp: null}}}}]}}`,
		portable: `{metadata: {name: a}, spec: {volumes: [{name: v}, {name: w,
			ephemeral: {volumeClaimTemplate: {metadata: {}}}}]}}`,
		removed: []string{"spec.volumes[1].ephemeral.volumeClaimTemplate.metadata.creationTimestamp"},
	},
	{
		name: "empty time of a job template", r: in("batch", "cronjobs", "CronJob"),
		object:   `{metadata: {name: a}, spec: {jobTemplate: {metadata: {creationTimestamp: null}}}}`,
		portable: `{metadata: {name: a}, spec: {jobTemplate: {metadata: {}}}}`,
		removed:  []string{"spec.jobTemplate.metadata.creationTimestamp"},
	},
	{
		name: "empty time of a template of resource claims", r: in("resource.k8s.io", "resourceclaimtemplates",
			"ResourceClaimTemplate"),
		object:   `{metadata: {name: a}, spec: {metadata: {creationTimestamp: null}}}`,
		portable: `{metadata: {name: a}, spec: {metadata: {}}}`,
		removed:  []string{"spec.metadata.creationTimestamp"},
	},
	{
		name: "templates of claims", r: in("apps", "statefulsets", "StatefulSet"),
		object: `{metadata: {name: a}, spec: {volumeClaimTemplates: [{metadata: {name: d, creationTimestamp: null},
			spec: {}, status: {phase: Pending}},
		    {metadata: {name: e, creationTimestamp: "2026-01-01T00:00:00Z"}}]}}`,
		portable: `{metadata: {name: a}, spec: {volumeClaimTemplates: [{metadata: {name: d}, spec: {}}, {metadata: {name: e,
			creationTimestamp: "2026-01-01T00:00:00Z"}}]}}`,
		removed: []string{"spec.volumeClaimTemplates[0].status",
			"spec.volumeClaimTemplates[0].metadata.creationTimestamp"},
	},
	{
		name: "job", r: in("batch", "jobs", "Job"),
		object: `{metadata: {name: a, labels: {app: a, controller-uid: u, job-name: a,
			batch.kubernetes.io/controller-uid: u, batch.kubernetes.io/job-name: a}},
		    spec: {selector: {matchLabels: {batch.kubernetes.io/controller-uid: u}}, manualSelector: false,
			template: {metadata: {creationTimestamp: null,
		    labels: {controller-uid: u, job-name: a, batch.kubernetes.io/controller-uid: u,
			batch.kubernetes.io/job-name: a}}, spec: {}}}}`,
		portable: `{metadata: {name: a, labels: {app: a}}, spec: {manualSelector: false, template: {metadata: {},
			spec: {}}}}`,
		removed: []string{
			"spec.selector",
			`metadata.labels["batch.kubernetes.io/controller-uid"]`,
			`spec.template.metadata.labels["batch.kubernetes.io/controller-uid"]`,
			`metadata.labels["batch.kubernetes.io/job-name"]`,
			`spec.template.metadata.labels["batch.kubernetes.io/job-name"]`,
			`metadata.labels["controller-uid"]`, `spec.template.metadata.labels["controller-uid"]`,
			`metadata.labels["job-name"]`, `spec.template.metadata.labels["job-name"]`, "spec.template.metadata.labels",
			"spec.template.metadata.creationTimestamp",
		},
	},
	{
		name: "job with a selector of its own", r: in("batch", "jobs", "Job"),
		object: `{metadata: {name: a, labels: {job-name: b}}, spec: {manualSelector: true,
			selector: {matchLabels: {job-name: b}}, template: {metadata: {labels: {job-name: b}}}}}`,
		portable: `{metadata: {name: a, labels: {job-name: b}}, spec: {manualSelector: true,
			selector: {matchLabels: {job-name: b}}, template: {metadata: {labels: {job-name: b}}}}}`,
	},
}

var storageCases = []rulesCase{
	{
		name: "claim with a volume made for it", r: core("persistentvolumeclaims", "PersistentVolumeClaim"),
		object: `{metadata: {name: a, uid: u, annotations: {volume.kubernetes.io/storage-provisioner: csi.example.com}},
			spec: {volumeName: pvc-1, storageClassName: fast}}`,
		portable: `{metadata: {name: a}, spec: {storageClassName: fast}}`,
		faithful: `{metadata: {name: a, annotations: {volume.kubernetes.io/storage-provisioner: csi.example.com}},
			spec: {volumeName: pvc-1, storageClassName: fast}}`,
		removed: []string{"spec.volumeName", `metadata.annotations["volume.kubernetes.io/storage-provisioner"]`,
			"metadata.annotations"},
	},
	{
		name: "claim with a volume made for it by an old cluster", r: core("persistentvolumeclaims",
			"PersistentVolumeClaim"),
		object: `{metadata: {name: a, uid: u, annotations: {volume.beta.kubernetes.io/storage-provisioner: x, b: c}},
			spec: {volumeName: pvc-1}}`,
		portable: `{metadata: {name: a, annotations: {b: c}}, spec: {}}`,
		faithful: `{metadata: {name: a, annotations: {volume.beta.kubernetes.io/storage-provisioner: x, b: c}},
			spec: {volumeName: pvc-1}}`,
		removed: []string{"spec.volumeName", `metadata.annotations["volume.beta.kubernetes.io/storage-provisioner"]`},
	},
	{
		name: "claim with a volume that was there before", r: core("persistentvolumeclaims", "PersistentVolumeClaim"),
		object: `{metadata: {name: a, uid: u}, spec: {volumeName: nfs-1}}`, portable: `{metadata: {name: a},
			spec: {volumeName: nfs-1}}`,
	},
	{
		name: "claim with a volume that its user has named", r: core("persistentvolumeclaims", "PersistentVolumeClaim"),
		object: `{metadata: {name: a, uid: u, annotations: {volume.kubernetes.io/storage-provisioner: x},
			` + writes(`"f:volumeName": {}`) + `},
		    spec: {volumeName: nfs-1}}`,
		portable: `{metadata: {name: a}, spec: {volumeName: nfs-1}}`,
		faithful: `{metadata: {name: a, annotations: {volume.kubernetes.io/storage-provisioner: x}},
			spec: {volumeName: nfs-1}}`,
		removed: []string{`metadata.annotations["volume.kubernetes.io/storage-provisioner"]`, "metadata.annotations"},
	},
	{
		name: "claim written by hand", r: core("persistentvolumeclaims", "PersistentVolumeClaim"),
		object: `{metadata: {name: a, annotations: {volume.kubernetes.io/storage-provisioner: x, b: c}},
			spec: {volumeName: nfs-1}}`,
		portable: `{metadata: {name: a, annotations: {b: c}}, spec: {volumeName: nfs-1}}`,
		faithful: `{metadata: {name: a, annotations: {volume.kubernetes.io/storage-provisioner: x, b: c}},
			spec: {volumeName: nfs-1}}`,
		removed: []string{`metadata.annotations["volume.kubernetes.io/storage-provisioner"]`},
	},
	{
		name: "volume", r: core("persistentvolumes", "PersistentVolume"),
		object:   `{metadata: {name: a}, spec: {claimRef: {namespace: b, name: c, uid: d, resourceVersion: "5"}}}`,
		portable: `{metadata: {name: a}, spec: {claimRef: {namespace: b, name: c}}}`,
		faithful: `{metadata: {name: a}, spec: {claimRef: {namespace: b, name: c, uid: d, resourceVersion: "5"}}}`,
		removed:  []string{"spec.claimRef.resourceVersion", "spec.claimRef.uid"},
	},
}

var otherCases = []rulesCase{
	{
		name: "account of an old cluster", r: core("serviceaccounts", "ServiceAccount"),
		object: `{metadata: {name: a}, secrets: [{name: a-token-x7k2p}, {name: mine}, {name: a-token-mine},
			{name: b-token-x7k2p}], imagePullSecrets: [{name: a-token-x7k2p}]}`,
		portable: `{metadata: {name: a}, secrets: [{name: mine}, {name: a-token-mine}, {name: b-token-x7k2p}],
			imagePullSecrets: [{name: a-token-x7k2p}]}`,
		faithful: `{metadata: {name: a}, secrets: [{name: a-token-x7k2p}, {name: mine}, {name: a-token-mine},
			{name: b-token-x7k2p}], imagePullSecrets: [{name: a-token-x7k2p}]}`,
		removed: []string{"secrets[0]"},
	},
	{
		name: "account with nothing else", r: core("serviceaccounts", "ServiceAccount"),
		object: `{metadata: {name: a}, secrets: [{name: a-token-x7k2p}]}`, portable: `{metadata: {name: a}}`,
		faithful: `{metadata: {name: a}, secrets: [{name: a-token-x7k2p}]}`,
		removed:  []string{"secrets[0]", "secrets"},
	},
	{
		name: "token", r: core("secrets", "Secret"),
		object: `{metadata: {name: a, uid: u, annotations: {kubernetes.io/service-account.name: s,
			kubernetes.io/service-account.uid: x}, labels: {kubernetes.io/legacy-token-last-used: x}},
		    type: kubernetes.io/service-account-token, data: {token: eA==, ca.crt: eA==, namespace: eA==, mine: ""}}`,
		portable: `{metadata: {name: a, annotations: {kubernetes.io/service-account.name: s}},
			type: kubernetes.io/service-account-token, data: {mine: ""}}`,
		faithful: `{metadata: {name: a, annotations: {kubernetes.io/service-account.name: s},
			labels: {kubernetes.io/legacy-token-last-used: x}},
		    type: kubernetes.io/service-account-token, data: {mine: ""}}`,
		removed: []string{
			`data["ca.crt"]`, "data.namespace", "data.token", `metadata.annotations["kubernetes.io/service-account.uid"]`,
			`metadata.labels["kubernetes.io/legacy-token-last-used"]`, "metadata.labels",
		},
	},
	{
		name: "token with nothing else", r: core("secrets", "Secret"),
		object:   `{metadata: {name: a}, type: kubernetes.io/service-account-token, data: {token: eA==}}`,
		portable: `{metadata: {name: a}, type: kubernetes.io/service-account-token}`,
		removed:  []string{"data.token", "data"},
	},
	{
		name: "secret", r: core("secrets", "Secret"),
		object: `{metadata: {name: a}, type: Opaque, data: {token: eA==, empty: ""}}`, portable: `{metadata: {name: a},
			type: Opaque, data: {token: eA==, empty: ""}}`,
	},
	{
		name: "namespace", r: core("namespaces", "Namespace"),
		object: `{metadata: {name: a, labels: {kubernetes.io/metadata.name: a, b: c},
			annotations: {openshift.io/sa.scc.mcs: x,
		    openshift.io/sa.scc.supplemental-groups: x, openshift.io/sa.scc.uid-range: x, openshift.io/display-name: mine}},
			spec: {finalizers: [kubernetes]}}`,
		portable: `{metadata: {name: a, labels: {b: c}, annotations: {openshift.io/display-name: mine}}}`,
		faithful: `{metadata: {name: a, labels: {kubernetes.io/metadata.name: a, b: c},
			annotations: {openshift.io/sa.scc.mcs: x,
		    openshift.io/sa.scc.supplemental-groups: x, openshift.io/sa.scc.uid-range: x,
			openshift.io/display-name: mine}}}`,
		removed: []string{
			"spec.finalizers", "spec", `metadata.annotations["openshift.io/sa.scc.mcs"]`,
			`metadata.annotations["openshift.io/sa.scc.supplemental-groups"]`,
			`metadata.annotations["openshift.io/sa.scc.uid-range"]`, `metadata.labels["kubernetes.io/metadata.name"]`,
		},
	},
	{
		name: "namespace with a finalizer of its own", r: core("namespaces", "Namespace"),
		object: `{metadata: {name: a}, spec: {finalizers: [kubernetes, mine]}}`, portable: `{metadata: {name: a},
			spec: {finalizers: [kubernetes, mine]}}`,
	},
	{
		name: "request for a certificate", r: in("certificates.k8s.io", "certificatesigningrequests",
			"CertificateSigningRequest"),
		object:   `{metadata: {name: a}, spec: {request: eA==, extra: {a: [b]}, groups: [g], uid: "", username: me}}`,
		portable: `{metadata: {name: a}, spec: {request: eA==}}`,
		faithful: `{metadata: {name: a}, spec: {request: eA==, extra: {a: [b]}, groups: [g], uid: "", username: me}}`,
		removed:  []string{"spec.extra", "spec.groups", "spec.uid", "spec.username"},
	},
	{
		name: "aggregated role", r: in("rbac.authorization.k8s.io", "clusterroles", "ClusterRole"),
		object: `{metadata: {name: "My Role:*?<x>"}, aggregationRule: {clusterRoleSelectors: []},
			rules: [{verbs: [get]}]}`,
		portable: `{metadata: {name: "My Role:*?<x>"}, aggregationRule: {clusterRoleSelectors: []}}`,
		removed:  []string{"rules"},
	},
	{
		name: "role", r: in("rbac.authorization.k8s.io", "clusterroles", "ClusterRole"),
		object: `{metadata: {name: a}, aggregationRule: null, rules: [{verbs: [get]}]}`, portable: `{metadata: {name: a},
			aggregationRule: null, rules: [{verbs: [get]}]}`,
	},
	{
		name: "definition", r: in("apiextensions.k8s.io", "customresourcedefinitions", "CustomResourceDefinition"),
		object: `{metadata: {name: a, annotations: {cert-manager.io/inject-ca-from: b}},
			spec: {preserveUnknownFields: false,
		    conversion: {webhook: {clientConfig: {caBundle: eA==, service: {}}}}}, status: {}}`,
		portable: `{metadata: {name: a, annotations: {cert-manager.io/inject-ca-from: b}},
			spec: {conversion: {webhook: {clientConfig: {service: {}}}}}}`,
		faithful: `{metadata: {name: a, annotations: {cert-manager.io/inject-ca-from: b}},
			spec: {conversion: {webhook: {clientConfig: {caBundle: eA==, service: {}}}}}}`,
		removed: []string{"status", "spec.conversion.webhook.clientConfig.caBundle", "spec.preserveUnknownFields"},
	},
	{
		name: "definition that says what it keeps", r: in("apiextensions.k8s.io", "customresourcedefinitions",
			"CustomResourceDefinition"),
		object: `{metadata: {name: a}, spec: {preserveUnknownFields: true,
			conversion: {webhook: {clientConfig: {caBundle: eA==}}}}}`,
		portable: `{metadata: {name: a}, spec: {preserveUnknownFields: true,
			conversion: {webhook: {clientConfig: {caBundle: eA==}}}}}`,
	},
	webhookCase("mutatingwebhookconfigurations", "MutatingWebhookConfiguration", "cert-manager.io/inject-ca-from-secret"),
	webhookCase("validatingwebhookconfigurations", "ValidatingWebhookConfiguration",
		"service.beta.openshift.io/inject-cabundle"),
	{
		name: "webhook of a user", r: in("admissionregistration.k8s.io", "validatingwebhookconfigurations",
			"ValidatingWebhookConfiguration"),
		object: `{metadata: {name: a}, webhooks: [{clientConfig: {caBundle: eA==}}]}`, portable: `{metadata: {name: a},
			webhooks: [{clientConfig: {caBundle: eA==}}]}`,
	},
	{
		name: "aggregated API", r: in("apiregistration.k8s.io", "apiservices", "APIService"),
		object: `{metadata: {name: a, annotations: {cert-manager.io/inject-apiserver-ca: "true"}}, spec: {caBundle: eA==,
			group: g}}`,
		portable: `{metadata: {name: a, annotations: {cert-manager.io/inject-apiserver-ca: "true"}}, spec: {group: g}}`,
		faithful: `{metadata: {name: a, annotations: {cert-manager.io/inject-apiserver-ca: "true"}}, spec: {caBundle: eA==,
			group: g}}`,
		removed: []string{"spec.caBundle"},
	},
	{
		name: "endpoints", r: core("endpoints", "Endpoints"),
		object: `{metadata: {name: a}, subsets: [{ports: [{port: 80}]}, {addresses: [{ip: 10.0.0.2}, {ip: 10.0.0.1,
			nodeName: n}], notReadyAddresses: [{ip: b}, {ip: a}],
		    ports: [{name: b, port: 1}, {name: a, port: 2}]}]}`,
		portable: `{metadata: {name: a}, subsets: [{addresses: [{ip: 10.0.0.1, nodeName: n}, {ip: 10.0.0.2}],
			notReadyAddresses: [{ip: a}, {ip: b}],
		    ports: [{name: a, port: 2}, {name: b, port: 1}]}, {ports: [{port: 80}]}]}`,
	},
}

func webhookCase(resource, kind, injector string) rulesCase {
	return rulesCase{
		name: "injected " + resource, r: in("admissionregistration.k8s.io", resource, kind),
		object: `{metadata: {name: a, annotations: {` + injector + `: b}}, webhooks: [{clientConfig: {url: x}},
			{clientConfig: {caBundle: eA==}}]}`,
		portable: `{metadata: {name: a, annotations: {` + injector + `: b}}, webhooks: [{clientConfig: {url: x}},
			{clientConfig: {}}]}`,
		faithful: `{metadata: {name: a, annotations: {` + injector + `: b}}, webhooks: [{clientConfig: {url: x}},
			{clientConfig: {caBundle: eA==}}]}`,
		removed: []string{"webhooks[1].clientConfig.caBundle"},
	}
}

func TestRules(t *testing.T) {
	for _, c := range rulesCases {
		t.Run(c.r.Resource+"/"+c.name, func(t *testing.T) {
			object := jsonOf(t, strings.ReplaceAll(c.object, "\t", " "))
			form := canonical(t, object, c.r, Portable)
			mustBe(t, form, strings.ReplaceAll(c.portable, "\t", " "))
			if !strings.HasPrefix(c.name, "metadata") {
				form.Removed = slices.DeleteFunc(form.Removed, isCommon)
			}
			if !slices.Equal(form.Removed, c.removed) {
				t.Errorf("taken out were\n%q, want\n%q", form.Removed, c.removed)
			}
			faithful := c.faithful
			if faithful == "" {
				faithful = c.portable
			}
			mustBe(t, canonical(t, object, c.r, Faithful), strings.ReplaceAll(faithful, "\t", " "))
		})
	}
}

// A name that the system uses for one kind is a user's own on another.
func TestNamesOnOtherKindsStay(t *testing.T) {
	set := func(rules []nameRule) map[string]string {
		names := map[string]string{}
		for _, r := range rules {
			if r.of != (groupResource{}) {
				names[r.name] = "mine"
			}
		}
		return names
	}
	metadata := map[string]any{"name": "a", "annotations": set(systemAnnotations), "labels": set(systemLabels)}
	object, err := json.Marshal(map[string]any{"metadata": metadata})
	if err != nil {
		t.Fatal(err)
	}
	if form := canonical(t, object, core("configmaps", "ConfigMap"), Portable); len(form.Removed) > 0 {
		t.Errorf("taken out were %q", form.Removed)
	}
}

// isCommon reports whether a path is one of the two that most objects lose.
func isCommon(path string) bool { return path == "metadata.uid" || path == "metadata.managedFields" }

// The data of a Secret must not come back by an annotation or by managedFields, at any level.
func TestNothingLeaks(t *testing.T) {
	object := `{"metadata":{"name":"a",
		"annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{\"data\":{\"p\":\"SECRET\"}}"},
		"managedFields":[{"manager":"SECRET","fieldsV1":{"f:SECRET":{}}}]},"data":{"p":""}}`
	for _, level := range []Level{Portable, Faithful} {
		if form := canonical(t, []byte(object), core("secrets", "Secret"), level); strings.Contains(string(form.YAML),
			"SECRET") {
			t.Errorf("what was taken out is in\n%s", form.YAML)
		}
	}
}
