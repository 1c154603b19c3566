// Package manifests lists every object of a cluster as it was at one instant, gives each in a canonical form, and tells
// what it could not see.
//
//	cluster, err := manifests.NewCluster(config)
//	if err != nil {
//		return err
//	}
//	report, err := cluster.Dump(ctx, receiver, manifests.Options{})
//	if err != nil {
//		return err
//	}
//	for _, missing := range report.Missing() {
//		fmt.Println(missing)
//	}
//
// [Cluster.Dump] hands the objects on while they arrive, so that memory is that of the pages in flight, and not of
// the cluster: some 80 MiB. Package tree below this one is a receiver that writes them to files, package diff holds
// them against others. [Canonical] is the form alone, for an object that comes from elsewhere.
//
// # One instant
//
// All lists are asked for at exactly one revision of etcd, so that what two objects say of each other holds: a
// Deployment that was made after its ConfigMap does not come without it. Objects in other stores, as those of
// aggregated APIs, are of another moment, which their [Outcome] names.
//
// # Coverage
//
// Every resource that discovery shows, in each of its groups, has an outcome, and so has what discovery does not
// show: versions of a dead API server, and custom resources that no version serves. [Report.Complete] is false unless
// each was listed or excluded by the caller. What no API server shows at all, such as the keys of a kind that was
// removed from Kubernetes, is only to be found in etcd.
//
// A resource is read at the version that the server prefers, or at the first after that in which it can be listed. A
// resource that is served in two groups with the same objects, as events are, is listed once: in the group of
// Kubernetes' own that is not the core group or extensions, if there is one, or else in the first by name.
//
// # What it does not do
//
// It writes nothing, to the cluster or elsewhere. It does not look at subresources, whatever a status says is left to
// [Canonical], and does not follow changes: another dump finds them.
//
// # Rights
//
// A dump of everything takes the right to list everything:
//
//	apiVersion: rbac.authorization.k8s.io/v1
//	kind: ClusterRole
//	metadata:
//	  name: clustersnap-manifests
//	rules:
//	- apiGroups: ["*"]
//	  resources: ["*"]
//	  verbs: [list]
//
// That includes Secrets: whoever may list them has them. Discovery is open to whoever is authenticated
// (system:discovery). [Cluster.Get] needs get, [Cluster.DryRun] patch and create. With less, a dump has less, and
// says so: where a resource may not be listed in the whole cluster, each namespace is tried that can be listed, or
// that [Options] names.
package manifests
