package aftermath

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

var serviceList = resource{
	name: "services", path: "/api/v1/services", means: "which load balancers and ports of nodes Services have",
}

// services names those that something outside of the cluster belongs to.
func (in *inspection) services(ctx context.Context) error {
	var found []Finding
	used := map[string]bool{}
	ok, err := each(ctx, in, serviceList, func(o *corev1.Service) {
		f := Finding{Severity: Look, Object: Object{Kind: "Service", Namespace: o.Namespace, Name: o.Name}}
		switch o.Spec.Type {
		case corev1.ServiceTypeLoadBalancer:
			f.Kind = LoadBalancer
			in.judgeBalancer(&f, balancersOf(o), used)
		case corev1.ServiceTypeNodePort:
			f.Kind = NodePort
			f.What = "it has " + portsOf(o) + " of every node"
			f.Next = "see whether firewalls and balancers in front of the nodes are set to these ports: a later time may have had others"
		default:
			return
		}
		found = append(found, f)
	})
	if !ok || err != nil {
		return err
	}
	in.report.Findings = append(in.report.Findings, found...)
	for _, address := range in.opts.Balancers {
		if !used[address] {
			in.report.add(Finding{
				Kind: LoadBalancer, Severity: Act, Object: Object{Kind: "load balancer", Name: address},
				What: "it exists, and no Service has it",
				Next: "delete it in the cloud if it was made for a Service of the time that was undone: it costs money, and serves nobody",
			})
		}
	}
	return nil
}

// balancersOf are the addresses and names of a Service's load balancer.
func balancersOf(o *corev1.Service) []string {
	var all []string
	for _, i := range o.Status.LoadBalancer.Ingress {
		for _, at := range []string{i.IP, i.Hostname} {
			if at != "" {
				all = append(all, at)
			}
		}
	}
	return all
}

func (in *inspection) judgeBalancer(f *Finding, has []string, used map[string]bool) {
	var missing []string
	for _, at := range has {
		used[at] = true
		if in.opts.Balancers != nil && !slices.Contains(in.opts.Balancers, at) {
			missing = append(missing, at)
		}
	}
	switch {
	case len(missing) > 0:
		f.Severity = Act
		f.What = "its load balancer " + some(missing) + " does not exist"
		f.Next = "let the cloud's controller make another: it does when the status is emptied or the Service is changed"
	case len(has) == 0:
		f.What = "it has no load balancer yet"
		f.Next = "see whether the cloud's controller makes one, and whether one of a later time is still there"
	default:
		f.What = "its load balancer was " + some(has) + " at the time of the snapshot"
		f.Next = "see in the cloud whether that still is its own, and whether there are others that no Service has any more"
	}
}

func portsOf(o *corev1.Service) string {
	var ports []string
	for _, p := range o.Spec.Ports {
		if p.NodePort != 0 {
			ports = append(ports, strconv.Itoa(int(p.NodePort))+"/"+strings.ToLower(string(p.Protocol)))
		}
	}
	return fmt.Sprintf("port %s", some(ports))
}
