package aftermath

import (
	"context"
	"fmt"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
)

var (
	validatingList = resource{
		name:  "validatingwebhookconfigurations.admissionregistration.k8s.io",
		path:  "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
		means: "which webhooks nobody answers",
	}
	mutatingList = resource{
		name:  "mutatingwebhookconfigurations.admissionregistration.k8s.io",
		path:  "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations",
		means: "which webhooks nobody answers",
	}
	endpointList = resource{
		name: "endpointslices.discovery.k8s.io", path: "/apis/discovery.k8s.io/v1/endpointslices",
		means: "which webhooks nobody answers",
	}
)

// hook is one webhook that a Service of the cluster answers.
type hook struct {
	object  Object
	name    string
	service string // namespace/name
	ignore  bool
}

// webhooks finds those whose Service has no endpoint that is ready.
func (in *inspection) webhooks(ctx context.Context) error {
	var hooks []hook
	take := func(object Object, name string, to admissionv1.WebhookClientConfig, policy *admissionv1.FailurePolicyType) {
		if to.Service != nil {
			ignore := policy != nil && *policy == admissionv1.Ignore
			hooks = append(hooks, hook{object, name, to.Service.Namespace + "/" + to.Service.Name, ignore})
		}
	}
	if _, err := each(ctx, in, validatingList, func(o *admissionv1.ValidatingWebhookConfiguration) {
		for _, h := range o.Webhooks {
			take(Object{Kind: "ValidatingWebhookConfiguration", Name: o.Name}, h.Name, h.ClientConfig, h.FailurePolicy)
		}
	}); err != nil {
		return err
	}
	if _, err := each(ctx, in, mutatingList, func(o *admissionv1.MutatingWebhookConfiguration) {
		for _, h := range o.Webhooks {
			take(Object{Kind: "MutatingWebhookConfiguration", Name: o.Name}, h.Name, h.ClientConfig, h.FailurePolicy)
		}
	}); err != nil || len(hooks) == 0 {
		return err
	}
	ready := map[string]bool{}
	ok, err := each(ctx, in, endpointList, func(o *discoveryv1.EndpointSlice) {
		if in.answers(o) {
			ready[o.Namespace+"/"+o.Labels[discoveryv1.LabelServiceName]] = true
		}
	})
	if !ok || err != nil {
		return err
	}
	for _, h := range hooks {
		if !ready[h.service] {
			in.report.add(h.finding())
		}
	}
	return nil
}

// answers reports whether an endpoint is ready. One whose pod is no more does not count: a slice is of the time of the snapshot
// until its controller has been there.
func (in *inspection) answers(o *discoveryv1.EndpointSlice) bool {
	for _, e := range o.Endpoints {
		ready := e.Conditions.Ready == nil || *e.Conditions.Ready
		gone := in.pods != nil && e.TargetRef != nil && e.TargetRef.Kind == "Pod" && in.pods[string(e.TargetRef.UID)] == nil
		if ready && !gone {
			return true
		}
	}
	return false
}

func (h hook) finding() Finding {
	f := Finding{
		Kind: Webhook, Severity: Act, Object: h.object,
		What: fmt.Sprintf("webhook %s fails what it is not asked about, and its Service %s has no endpoint that is ready",
			h.name, h.service),
		Next: "see why its pods are not ready; if they wait for what the webhook refuses, delete the configuration and apply it " +
			"again later",
	}
	if h.ignore {
		f.Severity = Look
		f.What = fmt.Sprintf("webhook %s is passed over, since its Service %s has no endpoint that is ready", h.name, h.service)
		f.Next = "see why its pods are not ready: until then nothing is checked or changed by it"
	}
	return f
}
