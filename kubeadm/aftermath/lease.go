package aftermath

import (
	"context"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
)

// identity is the label of the Leases by which API servers know of each other. They lead nothing, and API servers delete those
// that have expired: IdentityLeaseComponentLabelKey in pkg/controlplane/apiserver of kubernetes/kubernetes.
const identity = "apiserver.kubernetes.io/identity"

const system = "kube-system"

var leaseList = resource{
	name: "leases.coordination.k8s.io", path: "/apis/coordination.k8s.io/v1/leases",
	means: "which kubelets and which leaders are there",
}

func (in *inspection) readLeases(ctx context.Context) error {
	ok, err := each(ctx, in, leaseList, func(o *coordinationv1.Lease) {
		switch {
		case o.Namespace == corev1.NamespaceNodeLease:
			if n := in.nodes[o.Name]; n != nil {
				n.lease = &o.Spec
			}
		case o.Labels[identity] == "":
			in.judgeLease(o)
		}
	})
	if err != nil {
		return err
	}
	in.leases = ok
	in.judgeNodes()
	return nil
}

// judgeLease is for one by which the instances of a controller choose who leads.
func (in *inspection) judgeLease(o *coordinationv1.Lease) {
	l := Leader{Name: o.Name, Expired: expired(&o.Spec, in.now)}
	if o.Spec.HolderIdentity != nil {
		l.Holder = *o.Spec.HolderIdentity
	}
	if o.Spec.RenewTime != nil {
		l.Renewed = o.Spec.RenewTime.Time
	}
	f := Finding{
		Kind: Leaderless, Severity: Look, Object: Object{Kind: "Lease", Namespace: o.Namespace, Name: o.Name},
		Next: "see whether its controller runs and logs what hinders it; a Lease of one that is no more can be deleted",
	}
	if o.Namespace == system {
		in.report.Leaders = append(in.report.Leaders, l)
		f.Severity = Act
	}
	if !l.Expired {
		return
	}
	if f.What = "nobody holds it"; l.Holder != "" {
		f.What = plain(l.Holder, maxError) + " has " + in.renewed(&o.Spec)
	}
	in.report.add(f)
}
