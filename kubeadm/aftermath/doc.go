// Package aftermath looks at a cluster whose etcd was put back to an earlier time, and says what is to be done and looked at:
// nodes, containers, disks, load balancers and addresses are of now, and what etcd says of them is of the snapshot.
//
//	report, err := aftermath.Inspect(ctx, config, time.Now(), aftermath.Options{Before: revision, Nodes: names})
//	if err != nil {
//		return err
//	}
//	report.WriteText(os.Stdout) // or encoding/json
//	for _, f := range report.Findings {
//		if f.Kind == aftermath.KubeletRestart {
//			restart(f.Node)
//		}
//	}
//
// A finding is of one [Kind] and about one object. It says what is so and what to do next, and is either something to [Act]
// on, or to [Look] at because only a person can tell whether it still holds. A cluster that is as it should be has nothing to
// act on. Controllers take some minutes after a restore, and some findings go by themselves: look again.
//
// # How it knows
//
// By the API alone, and by what [Options] give it. A kubelet is to be restarted if it runs pods that etcd does not have, if it
// does not run what etcd has as running, if it goes by versions of pods that are later than etcd's, or if it renews its Lease
// and has not begun or ended for a minute what it was told. Nodes are asked through the API server what they run, or by a
// function of the caller's, such as one that asks their container runtimes.
//
// # What it does not do
//
// It changes nothing, and stores nothing: it asks for a token of ten minutes for the account kube-system/default, which has no
// rights unless somebody gave it some, and for the review of that token. It does not ask clouds or storage systems: a volume
// that was made or deleted after the snapshot is only to be found there. It does not compare objects with those of another
// time, as manifests/diff does. It measures nothing of the restore itself.
//
// # Rights
//
// Whatever is missing of these is a finding of kind [NotAsked].
//
//	apiVersion: rbac.authorization.k8s.io/v1
//	kind: ClusterRole
//	metadata:
//	  name: clustersnap-aftermath
//	rules:
//	- apiGroups: [""]
//	  resources: [nodes, pods, services, persistentvolumes, persistentvolumeclaims]
//	  verbs: [list]
//	- apiGroups: [""] # who has it can run commands in all pods: leave it out, and set Options.Running
//	  resources: [nodes/proxy]
//	  verbs: [get]
//	- apiGroups: [""] # who has it reads all Secrets: a Role in kube-system is enough, or leave bootstrap tokens out
//	  resources: [secrets]
//	  verbs: [list]
//	- apiGroups: [""] # a Role in kube-system is enough
//	  resources: [serviceaccounts/token]
//	  resourceNames: [default]
//	  verbs: [create]
//	- apiGroups: [authentication.k8s.io]
//	  resources: [tokenreviews]
//	  verbs: [create]
//	- apiGroups: [coordination.k8s.io]
//	  resources: [leases]
//	  verbs: [list]
//	- apiGroups: [storage.k8s.io]
//	  resources: [volumeattachments]
//	  verbs: [list]
//	- apiGroups: [admissionregistration.k8s.io]
//	  resources: [validatingwebhookconfigurations, mutatingwebhookconfigurations]
//	  verbs: [list]
//	- apiGroups: [discovery.k8s.io]
//	  resources: [endpointslices]
//	  verbs: [list]
//	- apiGroups: [apiregistration.k8s.io]
//	  resources: [apiservices]
//	  verbs: [list]
//	- apiGroups: [certificates.k8s.io]
//	  resources: [certificatesigningrequests]
//	  verbs: [list]
//	- apiGroups: [crd.projectcalico.org] # where Calico is
//	  resources: [ipamblocks, blockaffinities]
//	  verbs: [list]
//	- apiGroups: [cilium.io] # where Cilium is
//	  resources: [ciliumnodes]
//	  verbs: [list]
//
// Which groups are served is open to whoever is authenticated (system:discovery).
package aftermath
