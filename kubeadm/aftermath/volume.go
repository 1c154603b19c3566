package aftermath

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
)

var (
	volumeList = resource{
		name: "persistentvolumes", path: "/api/v1/persistentvolumes", means: "which volumes have lost their claim or their node",
	}
	claimList = resource{
		name: "persistentvolumeclaims", path: "/api/v1/persistentvolumeclaims",
		means: "which volumes and claims have lost each other, and which volumes pods use",
	}
	attachmentList = resource{
		name: "volumeattachments.storage.k8s.io", path: "/apis/storage.k8s.io/v1/volumeattachments",
		means: "which volumes are attached to a node that does not use them",
	}
)

// claim is what is kept of a PersistentVolumeClaim.
type claim struct{ uid, volume string }

// volume is what is kept of a PersistentVolume.
type volume struct {
	claim, uid string // namespace/name and UID of the claim
	hosts      []string
	path       string // of a node, that holds its data
	released   bool   // its controller knows that the claim is gone
	object     Object
}

// volumes finds claims, volumes and attachments that have lost each other.
func (in *inspection) volumes(ctx context.Context) error {
	claims, volumes := map[string]claim{}, map[string]volume{}
	claimed, err := each(ctx, in, claimList, func(o *corev1.PersistentVolumeClaim) {
		claims[o.Namespace+"/"+o.Name] = claim{string(o.UID), o.Spec.VolumeName}
	})
	if err != nil {
		return err
	}
	listed, err := each(ctx, in, volumeList, func(o *corev1.PersistentVolume) { volumes[o.Name] = volumeOf(o) })
	if err != nil {
		return err
	}
	if claimed && listed {
		in.judgeClaims(claims, volumes)
	}
	in.judgeHosts(volumes)
	users := map[string][]*pod{} // by volume
	for _, p := range in.podsInOrder() {
		for _, name := range p.claims {
			if c, ok := claims[p.namespace+"/"+name]; ok && !p.ended() {
				users[c.volume] = append(users[c.volume], p)
			}
		}
	}
	in.localVolumes(volumes, users)
	if !listed || !claimed || in.pods == nil || in.nodes == nil {
		return in.notJudged(attachmentList)
	}
	_, err = each(ctx, in, attachmentList, func(o *storagev1.VolumeAttachment) { in.judgeAttachment(o, volumes, users) })
	return err
}

// notJudged tells of a resource that is of no use without others, which were refused and say so.
func (in *inspection) notJudged(of resource) error {
	in.report.add(Finding{
		Kind: NotAsked, Severity: Act, Object: Object{Kind: of.name},
		What: "nothing can be said of it without what else could not be listed, so it is not known " + of.means,
		Next: "give the rights of the package's documentation, and ask again",
	})
	return nil
}

func volumeOf(o *corev1.PersistentVolume) volume {
	v := volume{object: Object{Kind: "PersistentVolume", Name: o.Name}}
	v.released = o.Status.Phase == corev1.VolumeReleased || o.Status.Phase == corev1.VolumeFailed
	if c := o.Spec.ClaimRef; c != nil {
		v.claim, v.uid = c.Namespace+"/"+c.Name, string(c.UID)
	}
	switch {
	case o.Spec.Local != nil:
		v.path = o.Spec.Local.Path
	case o.Spec.HostPath != nil:
		v.path = o.Spec.HostPath.Path
	}
	if a := o.Spec.NodeAffinity; a != nil && a.Required != nil {
		v.hosts = hostsOf(a.Required)
	}
	return v
}

// hostsOf are the hosts that a volume is bound to by their names; nil if it is bound otherwise.
func hostsOf(selector *corev1.NodeSelector) []string {
	var hosts []string
	for _, term := range selector.NodeSelectorTerms {
		before := len(hosts)
		for _, e := range term.MatchExpressions {
			if e.Key == corev1.LabelHostname && e.Operator == corev1.NodeSelectorOpIn {
				hosts = append(hosts, e.Values...)
			}
		}
		if len(hosts) == before {
			return nil // this term is for other nodes, too
		}
	}
	return hosts
}

func (in *inspection) judgeClaims(claims map[string]claim, volumes map[string]volume) {
	for _, v := range volumes {
		if v.claim == "" {
			continue
		}
		what := ""
		if c, ok := claims[v.claim]; !ok {
			what = "it is claimed by " + v.claim + ", which is not there"
		} else if v.uid != "" && v.uid != c.uid {
			what = "it is claimed by a " + v.claim + " that is no more: the one of that name is another"
		}
		severity := Act
		if v.released {
			severity = Look
		}
		if what != "" {
			in.report.add(Finding{
				Kind: Volume, Severity: severity, Object: v.object, What: what,
				Next: "see in the storage whether its data are there and whose they are, before it is given to another claim or deleted",
			})
		}
	}
	for at, c := range claims {
		if c.volume == "" {
			continue
		}
		if _, ok := volumes[c.volume]; !ok {
			in.report.add(Finding{
				Kind: Volume, Severity: Act, Object: objectAt("PersistentVolumeClaim", at),
				What: "its volume " + c.volume + " is not there",
				Next: "see in the storage whether the data are there, and make a PersistentVolume of them by hand",
			})
		}
	}
}

// judgeHosts finds volumes that only a host has that is no node any more.
func (in *inspection) judgeHosts(volumes map[string]volume) {
	if in.nodes == nil {
		return
	}
	there := map[string]bool{}
	for name, n := range in.nodes {
		if !in.gone(name) {
			there[n.hostname] = true
		}
	}
	for _, v := range volumes {
		if len(v.hosts) == 0 || slices.ContainsFunc(v.hosts, func(host string) bool { return there[host] }) {
			continue
		}
		in.report.add(Finding{
			Kind: Volume, Severity: Act, Object: v.object,
			What: fmt.Sprintf("it is on %s, and there is no such node", some(v.hosts)),
			Next: "bring the node back with its disk, or its data from another backup: pods that claim it wait for that node",
		})
	}
}

func (in *inspection) judgeAttachment(o *storagev1.VolumeAttachment, volumes map[string]volume, users map[string][]*pod) {
	name := ""
	if o.Spec.Source.PersistentVolumeName != nil {
		name = *o.Spec.Source.PersistentVolumeName
	}
	what := fmt.Sprintf("it is for volume %s at node %s, ", cmp.Or(name, "of a pod's own"), o.Spec.NodeName)
	_, known := volumes[name]
	nodes := map[string]bool{}
	for _, p := range users[name] {
		nodes[p.node] = p.node != ""
	}
	switch {
	case in.gone(o.Spec.NodeName):
		what += "which is not there"
	case name == "" || nodes[o.Spec.NodeName]:
		return
	case !known:
		what += "and there is no such volume"
	case len(users[name]) == 0:
		what += "and no pod uses it"
	default:
		delete(nodes, "")
		what += "and the pods that use it are on " + cmp.Or(some(slices.Sorted(maps.Keys(nodes))), "no node yet")
	}
	in.report.add(Finding{
		Kind: Attachment, Severity: Act, Object: Object{Kind: "VolumeAttachment", Name: o.Name}, Node: o.Spec.NodeName, What: what,
		Next: "see in the storage where the volume is attached: it must be at no two nodes; delete this once nothing there uses it",
	})
}
