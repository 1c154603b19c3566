package aftermath

import (
	"context"
	"fmt"
	"time"

	"k8s.io/client-go/rest"
)

// Options say what only the caller knows. The zero value asks the cluster alone.
type Options struct {
	// Before is etcd's last revision before the restore, as the old data or the last answer of the old etcd tell it, such as
	// Before in the Report of kubeadm/restore; 0 if nobody knows. Look soon: in the end etcd passes it by itself, and nothing
	// tells any more that clients have missed events.
	Before int64
	// Nodes are the names of the nodes that exist, whatever etcd says. Nil: nobody has looked.
	Nodes []string
	// Running gives the pods that a node runs now. It is called for each node, for several at once, and has 20 s for each; an
	// error is a finding. Nil: the kubelet is asked through the API server, by /runningpods/ and /pods of the Node's proxy, for
	// what it runs and wants to run. To ask none, let it return an error.
	Running func(ctx context.Context, node string) ([]RunningPod, error)
	// Balancers are the addresses or names of the load balancers that exist for this cluster, as the cloud tells. Nil: nobody
	// has looked.
	Balancers []string
}

// RunningPod is one that a node runs, as its kubelet or its container runtime knows it.
type RunningPod struct {
	UID       string // of a static pod: the hash that its mirror pod has as an annotation
	Namespace string
	Name      string
	// ResourceVersion is that of the Pod that the kubelet last saw, "" if it is not known.
	ResourceVersion string
}

// Inspect looks at the cluster that config reaches, at the time now, which is compared with what the cluster writes itself. It
// changes nothing. Whatever the server refuses is a finding, and so is a node that gives no answer; an error, without a report,
// is that there is no server, that it does not know who asks, that it answers with something else, or that ctx has ended.
//
// The lists are of different moments, some seconds from each other in a large cluster. A pod is called a phantom or lost only
// if two lists say so, one before its node was asked and one after.
//
// The limits of config on requests per second are not used: lists are asked for one after the other, in pages of 500, and 16
// nodes at once.
func Inspect(ctx context.Context, config *rest.Config, now time.Time, opts Options) (*Report, error) {
	client, err := connect(config)
	if err != nil {
		return nil, fmt.Errorf("connect to cluster: %w", err)
	}
	in := &inspection{rest: client, now: now, opts: opts, report: &Report{Before: opts.Before, Findings: []Finding{}}}
	if opts.Nodes != nil {
		in.exist = map[string]bool{}
		for _, name := range opts.Nodes {
			in.exist[name] = true
		}
	}
	for _, look := range []func(context.Context) error{
		in.tokens, in.readNodes, in.readLeases, in.readPods, in.revision, in.askNodes, in.kubelets, in.webhooks, in.apiServices,
		in.podNetwork, in.volumes, in.services, in.localData, in.requests, in.bootstrapTokens,
	} {
		if err := look(ctx); err != nil {
			return nil, fmt.Errorf("look at the cluster: %w", err)
		}
	}
	in.report.sort()
	return in.report, nil
}

// inspection is one look at a cluster. What is nil could not be listed: nothing is judged by it.
type inspection struct {
	rest   rest.Interface
	now    time.Time
	opts   Options
	report *Report

	exist  map[string]bool // Options.Nodes
	nodes  map[string]*node
	pods   map[string]*pod // by UID
	leases bool            // those of nodes are known
}

// revision judges whether clients that knew the later time list anew. Kube-apiserver takes a watch from a revision that is
// still to come for good, and tells it nothing until then: kubernetes#107457, etcd#16028.
func (in *inspection) revision(context.Context) error {
	r := in.report
	if r.Before == 0 || r.Revision == 0 || r.Revision > r.Before {
		return nil
	}
	r.add(Finding{
		Kind: RevisionBack, Severity: Act, Object: Object{Kind: "etcd"},
		What: fmt.Sprintf("its revision is %d, and clients have seen %d, so they wait for what is to come and miss what is changed "+
			"until then", r.Revision, r.Before),
		Next: "restore once more with a raised revision and a compacted past, or restart every kubelet, controller and operator",
	})
	return nil
}
