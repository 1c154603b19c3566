package apply

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clustersnap/clustersnap/manifests"
)

// volumes are those of the cluster that a claim which is gone still holds.
type volumes struct {
	held    map[string]string // the name of the volume, by namespace and name of the claim
	claimOf map[string]string // the other way round
	unseen  string            // why they could not be listed
}

// volumePage is how many volumes a request lists.
const volumePage = 500

// lookAtVolumes lists the volumes if there are claims to make. A claim that was deleted leaves its volume as Released, with
// the uid of the claim in it and the data on it, if the policy is Retain: a new claim of that name is given another volume,
// an empty one. See syncVolume in pkg/controller/volume/persistentvolume of kubernetes/kubernetes.
func (p *planner) lookAtVolumes(ctx context.Context, all []*item) error {
	wanted := false
	for _, it := range all {
		wanted = wanted || kindOf(it.Key) == ofClaims && it.absent
	}
	p.volumes = &volumes{held: map[string]string{}, claimOf: map[string]string{}}
	if !wanted {
		return nil
	}
	r := manifests.Resource{Version: "v1", Resource: ofVolumes.resource, Kind: "PersistentVolume"}
	opts := metav1.ListOptions{Limit: volumePage}
	for {
		list, err := p.cluster.at(r, "").List(ctx, opts)
		if err != nil && answered(err) {
			p.volumes.unseen = "whether a volume still holds its data could not be seen: " + sentence(err)
			return nil
		}
		if err != nil {
			return fmt.Errorf("list volumes: %w", err)
		}
		for _, volume := range list.Items {
			p.volumes.add(volume.Object)
		}
		if opts.Continue = list.GetContinue(); opts.Continue == "" {
			return nil
		}
	}
}

// add takes a volume in that is claimed by uid. Without one it is reserved for whoever has the name, who gets it.
func (v *volumes) add(volume map[string]any) {
	claim, _ := value(volume, "spec", "claimRef").(map[string]any)
	if text(claim, "uid") == "" || text(volume, "metadata", "deletionTimestamp") != "" {
		return
	}
	name, of := text(volume, "metadata", "name"), text(claim, "namespace")+"/"+text(claim, "name")
	v.claimOf[name] = of
	if text(volume, "spec", "persistentVolumeReclaimPolicy") == "Retain" {
		v.held[of] = name
	}
}

// of says what is to be known of the volume of a claim, and whether that keeps it from being made.
func (v *volumes) of(claim *item) (why string, taken bool) {
	self := claim.Key.Namespace + "/" + claim.Key.Name
	named := text(claim.body, "spec", "volumeName")
	if other := v.claimOf[named]; other != "" && other != self {
		return fmt.Sprintf("its volume %s is claimed by %s", named, other), true
	}
	volume := v.held[self]
	if v.claimOf[named] == self {
		volume = named
	}
	if volume != "" {
		return fmt.Sprintf("volume %s has its data, and still belongs to the claim that was deleted, so a new one would not get "+
			"it: take the uid out of its spec.claimRef (kubectl patch pv %s --type json -p "+
			`'[{"op":"remove","path":"/spec/claimRef/uid"}]'), or delete it to start without`, volume, volume), true
	}
	return v.unseen, false
}
