package prune

import (
	"cmp"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/clustersnap/clustersnap/volsnap"
	"github.com/clustersnap/clustersnap/volsnap/internal/api"
)

// member is one snapshot: a VolumeSnapshot with its content, or one of the two.
type member struct {
	snapshot *api.Snapshot
	content  *api.Content
	astray   bool // the two do not name each other
	view     volsnap.Snapshot
}

// good reports whether it can be restored from, and can be let go of.
func (m *member) good() bool {
	return m.view.Ready && !m.view.Imported && !m.view.Deleting && !m.astray && !m.safety()
}

// safety reports whether it is the way back of a restore in place, and no backup.
func (m *member) safety() bool {
	return m.snapshot != nil && m.snapshot.Labels[api.LabelPurpose] == api.PurposeSafety ||
		m.content != nil && m.content.Labels[api.LabelPurpose] == api.PurposeSafety
}

// claim is whose data it has: a claim, whether it is there or not, or else a volume of the storage.
func (m *member) claim() string {
	if m.view.Claim == "" {
		return "\x00" + m.view.Driver + "\x00" + m.view.Volume
	}
	return m.view.Namespace + "/" + m.view.Claim
}

// series keeps apart what has the run's label on the content. Contents have no namespace, so that whoever may only write in
// one can't add to what is retained.
func (m *member) series() string {
	if m.content.Labels[api.LabelRun] != "" {
		return m.claim() + "\x00pinned"
	}
	return m.claim()
}

// see makes the view.
func (m *member) see() {
	var v volsnap.Snapshot
	var cutNoted string
	if s := m.snapshot; s != nil {
		v.Namespace, v.Name, v.UID = s.Namespace, s.Name, string(s.UID)
		v.Class, v.Deleting = value(s.Spec.ClassName), s.DeletionTimestamp != nil
		v.Claim = cmp.Or(value(s.Spec.Source.Claim), claimName(s.Annotations))
		v.Imported = s.Spec.Source.Content != nil || s.Labels[api.LabelImported] != ""
		cutNoted = s.Annotations[api.AnnotationCut]
		if s.Status != nil {
			v.Ready, v.Group = value(s.Status.ReadyToUse), value(s.Status.Group)
		}
	}
	if c := m.content; c != nil {
		m.seeContent(&v, c)
		cutNoted = cmp.Or(c.Annotations[api.AnnotationCut], cutNoted)
	}
	v.Ready = v.Ready && v.Handle != ""
	if t, err := time.Parse(time.RFC3339Nano, cutNoted); err == nil && v.Cut.IsZero() {
		v.Cut = t.UTC()
	}
	m.view = v
}

// seeContent adds what the content says. When it was cut the content knows best: an annotation is written by whoever may.
func (m *member) seeContent(v *volsnap.Snapshot, c *api.Content) {
	status := statusOf(c)
	if m.snapshot == nil {
		v.Namespace, v.Name = c.Spec.Snapshot.Namespace, c.Spec.Snapshot.Name
		v.Class, v.Ready = value(c.Spec.ClassName), value(status.ReadyToUse)
	}
	v.Claim = cmp.Or(v.Claim, claimName(c.Annotations))
	v.Content, v.Driver, v.Pinned = c.Name, c.Spec.Driver, c.Spec.DeletionPolicy == api.Retain
	v.Volume, v.Mode = value(c.Spec.Source.Volume), value(c.Spec.SourceVolumeMode)
	v.Handle, v.GroupHandle, v.RestoreSize = value(status.Handle), value(status.GroupHandle), value(status.RestoreSize)
	v.Imported = v.Imported || c.Spec.Source.Snapshot != nil || c.Labels[api.LabelImported] != ""
	v.Deleting = v.Deleting || c.DeletionTimestamp != nil
	if status.CreationTime != nil {
		v.Cut = time.Unix(0, *status.CreationTime).UTC()
	}
}

// claimName is the annotation, if it can be the name of a claim.
func claimName(annotations map[string]string) string {
	name := annotations[api.AnnotationClaim]
	if len(validation.IsDNS1123Subdomain(name)) > 0 {
		return ""
	}
	return name
}

// nameClaims gives contents that do not say of which claim they are that of others of the same volume and namespace.
func nameClaims(members []*member) {
	known := map[string]string{}
	key := func(v volsnap.Snapshot) string { return v.Namespace + "\x00" + v.Driver + "\x00" + v.Volume }
	for _, m := range members {
		m.see()
		if m.view.Claim != "" && m.view.Volume != "" {
			known[key(m.view)] = m.view.Claim
		}
	}
	for _, m := range members {
		if m.view.Claim == "" && m.content != nil && m.view.Volume != "" {
			m.view.Claim = known[key(m.view)]
		}
	}
}

func value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}
