package handover

import (
	"time"

	"github.com/clustersnap/clustersnap/volsnap"
	"github.com/clustersnap/clustersnap/volsnap/internal/api"
)

// sameInstant is how much two notes of one cut may differ: a VolumeSnapshot's has a resolution of a second.
const sameInstant = time.Second

// view is an imported snapshot that is ready.
func view(r *Record, s *api.Snapshot, content *api.Content) *volsnap.Snapshot {
	v := &volsnap.Snapshot{
		Namespace: s.Namespace, Name: s.Name, UID: string(s.UID), Claim: r.Claim, Content: content.Name,
		Driver: content.Spec.Driver, Class: value(s.Spec.ClassName), Handle: r.Handle, Cut: r.Cut, Ready: true,
		Mode: value(content.Spec.SourceVolumeMode), Pinned: content.Spec.DeletionPolicy == api.Retain, Imported: true,
		Unverified: true,
	}
	if content.Status == nil {
		return v
	}
	v.RestoreSize, v.GroupHandle = value(content.Status.RestoreSize), value(content.Status.GroupHandle)
	// What a driver lists has the time of the cut, and the size that it had; what is only believed has the time of the import.
	if t := content.Status.CreationTime; t != nil && !r.Cut.IsZero() {
		v.Unverified = r.Cut.Sub(time.Unix(0, *t)).Abs() > sameInstant || v.RestoreSize == 0 && r.RestoreSize > 0
	}
	return v
}
