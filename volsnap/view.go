package volsnap

import (
	"cmp"
	"strings"
	"time"

	"github.com/clustersnap/clustersnap/volsnap/internal/api"
)

// sameInstant is how much two notes of one cut may differ: a VolumeSnapshot's has a resolution of a second.
const sameInstant = time.Second

// maxSaid bounds what is kept of a text of the controllers, in bytes.
const maxSaid = 1000

// belong reports whether a snapshot and a content name each other, the content by uid too. Neither is to be trusted before:
// whoever may write in a namespace may make a snapshot that names a content of somebody else.
func belong(s *api.Snapshot, c *api.Content) bool {
	return c != nil && s.Status != nil && value(s.Status.Content) == c.Name && refersTo(c, s)
}

// refersTo is the half of belong that is there first.
func refersTo(c *api.Content, s *api.Snapshot) bool {
	ref := c.Spec.Snapshot
	return ref.Namespace == s.Namespace && ref.Name == s.Name && ref.UID == string(s.UID)
}

// view is a snapshot as its two objects have it. Without a content it is what the VolumeSnapshot says, for those who may not
// read contents; one that is not its own makes it not ready.
func view(s *api.Snapshot, c *api.Content) Snapshot {
	v := Snapshot{
		Namespace: s.Namespace, Name: s.Name, UID: string(s.UID), Run: s.Labels[api.LabelRun],
		Claim: cmp.Or(s.Annotations[api.AnnotationClaim], value(s.Spec.Source.Claim)), Class: value(s.Spec.ClassName),
		Imported: s.Spec.Source.Content != nil, Deleting: s.DeletionTimestamp != nil,
	}
	viewStatus(&v, s.Status)
	switch {
	case c != nil && belong(s, c):
		viewContent(&v, c)
	case c != nil && v.Content != "":
		v.Ready, v.Error = false, "content "+c.Name+" belongs to another snapshot"
	}
	noted, err := time.Parse(time.RFC3339Nano, s.Annotations[api.AnnotationCut])
	if v.Imported && v.Ready {
		v.Unverified = err != nil || v.Cut.Sub(noted).Abs() > sameInstant
	}
	if err == nil {
		v.Cut = noted.UTC()
	}
	return v
}

func viewStatus(v *Snapshot, status *api.SnapshotStatus) {
	if status == nil {
		return
	}
	v.Content, v.Ready, v.Group = value(status.Content), value(status.ReadyToUse), value(status.Group)
	if status.CreationTime != nil {
		v.Cut = status.CreationTime.UTC()
	}
	if status.RestoreSize != nil {
		v.RestoreSize = status.RestoreSize.Value()
	}
	v.Error = said(status.Error)
}

func viewContent(v *Snapshot, c *api.Content) {
	v.Driver, v.Volume, v.Pinned = c.Spec.Driver, value(c.Spec.Source.Volume), c.Spec.DeletionPolicy == api.Retain
	v.Mode = value(c.Spec.SourceVolumeMode)
	if c.Status == nil {
		return
	}
	v.Handle, v.GroupHandle = value(c.Status.Handle), value(c.Status.GroupHandle)
	v.RestoreSize = cmp.Or(value(c.Status.RestoreSize), v.RestoreSize)
	if c.Status.CreationTime != nil {
		v.Cut = time.Unix(0, *c.Status.CreationTime).UTC()
	}
	v.Error = cmp.Or(v.Error, said(c.Status.Error))
}

// contentCut reports whether the data are frozen.
func contentCut(c *api.Content) bool {
	return c != nil && c.Status != nil && value(c.Status.Handle) != "" && c.Status.CreationTime != nil
}

// said is a text of the controllers as one line that is not too long, "" if they are content.
func said(e *api.Error) string {
	if e == nil {
		return ""
	}
	text := strings.Join(strings.Fields(strings.ToValidUTF8(cmp.Or(value(e.Message), "an error without a text"), "?")), " ")
	if len(text) > maxSaid {
		text = strings.ToValidUTF8(text[:maxSaid], "") + "..."
	}
	return text
}

func value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}
