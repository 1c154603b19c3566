package adopt

import (
	"testing"
	"time"

	"github.com/clustersnap/clustersnap/volsnap/internal/api"
)

// What is not as it would be made is not taken for what was made before.
func TestOurs(t *testing.T) {
	mode := "Filesystem"
	h := Handle{Driver: "dir.example.com", Handle: "snap-1", Mode: mode, Claim: "db", Cut: time.Unix(1_700_000_000, 1)}
	p := &Pair{Namespace: "shop", Name: "copy"}
	made := func() *api.Content {
		c := &api.Content{ObjectMeta: meta(h)}
		c.Spec.Driver, c.Spec.DeletionPolicy, c.Spec.SourceVolumeMode = h.Driver, api.Retain, &mode
		c.Spec.Source.Snapshot = &h.Handle
		c.Spec.Snapshot.Namespace, c.Spec.Snapshot.Name = p.Namespace, p.Name
		return c
	}
	if !ours(made(), h, p) {
		t.Error("what was made is not taken")
	}
	other, block := "snap-2", "Block"
	for name, change := range map[string]func(*api.Content){
		"no label":   func(c *api.Content) { c.Labels = nil },
		"policy":     func(c *api.Content) { c.Spec.DeletionPolicy = api.Delete },
		"driver":     func(c *api.Content) { c.Spec.Driver = "other.example.com" },
		"handle":     func(c *api.Content) { c.Spec.Source.Snapshot = &other },
		"no handle":  func(c *api.Content) { c.Spec.Source.Snapshot = nil },
		"namespace":  func(c *api.Content) { c.Spec.Snapshot.Namespace = "bank" },
		"name":       func(c *api.Content) { c.Spec.Snapshot.Name = "other" },
		"mode":       func(c *api.Content) { c.Spec.SourceVolumeMode = &block },
		"no mode":    func(c *api.Content) { c.Spec.SourceVolumeMode = nil },
		"claim":      func(c *api.Content) { c.Annotations[api.AnnotationClaim] = "web" },
		"no claim":   func(c *api.Content) { delete(c.Annotations, api.AnnotationClaim) },
		"other time": func(c *api.Content) { c.Annotations[api.AnnotationCut] = "2023-11-14T22:13:21Z" },
	} {
		c := made()
		change(c)
		if ours(c, h, p) {
			t.Errorf("with another %s it is taken", name)
		}
	}
}
