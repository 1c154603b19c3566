package aftermath

import (
	"context"
	"net/netip"
	"slices"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// pod is what is kept of a Pod. A cluster may have 150,000.
type pod struct {
	uid, namespace, name string
	node                 string
	owner                Object // itself if nothing controls it
	version              uint64
	mirror               string // of a mirror pod: the UID that the kubelet knows the static pod by
	phase                corev1.PodPhase
	begun                bool      // its kubelet has seen it
	placed               time.Time // when it was given its node
	changed              time.Time // when it last became something else, such as ready
	end                  time.Time // when it should be gone, if it is being deleted; with finalizers never
	addresses            []netip.Addr
	claims               []string // names in its namespace
	paths                []string // of the node, that hold data
}

var podList = resource{name: "pods", path: "/api/v1/pods", means: "what pods there are, and what runs without being known"}

func (in *inspection) readPods(ctx context.Context) error {
	pods, err := in.listPods(ctx)
	if err == nil && pods != nil {
		in.pods, in.report.Pods = pods, len(pods)
	}
	return err
}

// listPods gives nil if they may not be listed.
func (in *inspection) listPods(ctx context.Context) (map[string]*pod, error) {
	pods := map[string]*pod{}
	ok, err := each(ctx, in, podList, func(o *corev1.Pod) { pods[string(o.UID)] = podOf(o) })
	if !ok || err != nil {
		return nil, err
	}
	return pods, nil
}

func podOf(o *corev1.Pod) *pod {
	p := &pod{
		uid: string(o.UID), namespace: o.Namespace, name: o.Name, node: o.Spec.NodeName, owner: ownerOf(o),
		mirror: o.Annotations[corev1.MirrorPodAnnotationKey], phase: o.Status.Phase, begun: o.Status.StartTime != nil,
		placed: o.CreationTimestamp.Time, changed: o.CreationTimestamp.Time,
	}
	p.version, _ = strconv.ParseUint(o.ResourceVersion, 10, 64)
	for _, c := range o.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.LastTransitionTime.After(p.placed) {
			p.placed = c.LastTransitionTime.Time
		}
		if c.LastTransitionTime.After(p.changed) {
			p.changed = c.LastTransitionTime.Time
		}
	}
	if o.DeletionTimestamp != nil && len(o.Finalizers) == 0 {
		p.end = o.DeletionTimestamp.Time
	}
	if !o.Spec.HostNetwork {
		for _, a := range o.Status.PodIPs {
			if address, err := netip.ParseAddr(a.IP); err == nil {
				p.addresses = append(p.addresses, address)
			}
		}
	}
	for i := range o.Spec.Volumes {
		v := &o.Spec.Volumes[i]
		switch {
		case v.PersistentVolumeClaim != nil:
			p.claims = append(p.claims, v.PersistentVolumeClaim.ClaimName)
		case v.Ephemeral != nil:
			p.claims = append(p.claims, o.Name+"-"+v.Name)
		case v.HostPath != nil && p.mirror == "" && holdsData(v.HostPath, v.Name, &o.Spec):
			p.paths = append(p.paths, v.HostPath.Path)
		}
	}
	return p
}

// ownerOf is what controls a pod, as the pod says it.
func ownerOf(o *corev1.Pod) Object {
	if c := metav1.GetControllerOfNoCopy(o); c != nil {
		return Object{Kind: c.Kind, Namespace: o.Namespace, Name: c.Name}
	}
	return Object{Kind: "Pod", Namespace: o.Namespace, Name: o.Name}
}

func (p *pod) object() Object { return Object{Kind: "Pod", Namespace: p.namespace, Name: p.name} }

// ended reports whether nothing of a pod runs any more.
func (p *pod) ended() bool { return p.phase == corev1.PodSucceeded || p.phase == corev1.PodFailed }

// podsInOrder are all, by namespace and name.
func (in *inspection) podsInOrder() []*pod {
	all := make([]*pod, 0, len(in.pods))
	for _, p := range in.pods {
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b *pod) int { return compareObjects(a.object(), b.object()) })
	return all
}
