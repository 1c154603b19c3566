// Package quiesce brings pods to rest while their volumes are cut, and thaws them again in any case.
//
//	account, err := cluster.Take(ctx, plan, volsnap.TakeOptions{
//		Quiesce: quiesce.All(
//			quiesce.Velero(cluster, func(namespace, pod string, err error) { fmt.Println(namespace, pod, err) }),
//			quiesce.FSFreeze(cluster, mounts, quiesce.FreezeOptions{}),
//		),
//	})
//
// There are three hooks, and [All] joins them:
//
//   - [Velero] runs the commands that pods ask for in Velero's annotations, as that would, but for what [Annotations] says.
//   - [FSFreeze] freezes file systems, with a dead-man's switch in the container: they thaw without us as well.
//   - [Func] calls two functions in Go, which run commands by [Pod.Exec] or talk to the database themselves.
//
// A thaw runs whatever went wrong: after a hook that failed or did not answer, after the end of the context, and after a panic.
// The frozen time of a pod is in the account of the run.
//
// # What it does not do
//
// It can't thaw when its process dies. [FSFreeze] has its switch for that, an arbitrary hook has nothing: a database that it
// has locked stays locked until its connection or its own timeout ends that. Nor does it know whether a command does what it
// should: that a database is consistent after a hook, a restore shows.
//
// Commands run in containers through pods/exec, by a WebSocket where the server has them (Kubernetes 1.30 and newer),
// otherwise by SPDY. A Dial function of the cluster's configuration is not used for that, as by kubectl; a proxy is.
//
// # Rights
//
//	apiVersion: rbac.authorization.k8s.io/v1
//	kind: ClusterRole
//	metadata:
//	  name: clustersnap-quiesce
//	rules:
//	- apiGroups: [""]
//	  resources: [pods]
//	  verbs: [get]
//	- apiGroups: [""]
//	  resources: [pods/exec]
//	  verbs: [create, get] # get is for WebSockets; without, SPDY is used
//
// Whoever may create pods/exec may do what the containers may. Bind the role in the namespaces that need it.
package quiesce
