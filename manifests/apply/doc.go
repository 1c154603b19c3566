// Package apply brings objects back to a live cluster: those of a snapshot of etcd, of a tree of files, or any others.
//
//	cluster, err := apply.NewCluster(config)
//	plan, err := cluster.Plan(ctx, objects, apply.Options{})
//	for _, step := range plan.Steps {
//		fmt.Println(step) // create deployments.apps/web -n shop
//	}
//	result, err := plan.Run(ctx)
//	if err != nil || !result.Complete() {
//		fmt.Println(result.Failed())
//	}
//
// [Cluster.Plan] writes nothing. It says of each object whether it would be created, updated, replaced or left as it is, and
// which fields would change; and of what can't be brought back, why, and what would help. The server is asked about all that
// can be asked before, so what admission, quotas, rights and immutable fields have to say is in the plan. [Plan.Run] then does
// what the plan says and nothing else: an object that somebody has changed since is left alone. After a run that was
// interrupted, another plan finds the rest; after a complete one it finds nothing to do.
//
// Nothing but the objects given is touched. What becomes of those that the cluster has already is the [Policy]: by default
// they stay as they are.
//
// # What it takes care of
//
//   - Order: definitions, until the cluster serves what they define; namespaces; what others name; volumes before claims,
//     Services before Endpoints; workloads; custom resources; admission last.
//   - The token of a service account is not brought back: the account is another one, so the control plane makes a new token.
//     Its Secret comes after the account, and is blocked without.
//   - What controllers, the control plane or a machine make themselves is left to them, see [Options].Classes. The account
//     that each namespace gets is given what users had added to it.
//   - A claim whose volume is still there, held for the claim that was deleted, is blocked: it would be given an empty one.
//   - Fields that the server does not know are refused, not dropped. An object of a version that the cluster does not serve is
//     tried at one that it serves, and its step says so: see whether its fields mean the same there.
//
// # What it does not do
//
// It deletes nothing, and makes no object anew because a field of it can't be changed: delete the object, and plan again. It
// does not bring back status, or owners: an object that comes back has another uid, and its old owner is none to the garbage
// collector. Jobs that come back start to work, unless [Options].Suspend is set. Names of namespaces are not
// changed. It does not wait until pods run: an object whose admission webhook is served by one that comes back fails until it
// answers, and is found by the next plan.
//
// The contents of volumes are not objects.
//
// # Rights
//
// A plan reads each object and its namespace (get), and asks about each write, which takes the right to it: create for what
// the cluster lacks; for what it has, patch for the policies update and force, update for replace, and for skip
// and fail as well if they are to say exactly what differs. Claims take list for persistentvolumes, or a volume that holds
// their data is not seen. Whoever writes roles must have the rights in them, or escalate and bind. For everything:
//
//	apiVersion: rbac.authorization.k8s.io/v1
//	kind: ClusterRole
//	metadata:
//	  name: clustersnap-apply
//	rules:
//	- apiGroups: ["*"]
//	  resources: ["*"]
//	  verbs: [get, list, create, update, patch, escalate, bind]
package apply
