package tree_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/tree"
)

// A spool gives the pack of the tree that the same dump would have made.
func TestSpool(t *testing.T) {
	dir, c := t.TempDir(), shop()
	c.set("secrets/db@shop", "aHVudGVyMg==")
	c.without("leases.coordination.k8s.io", "", manifests.Forbidden)
	early := shop()
	early.set("deployments.apps/web@shop", "of an instant that was gone")
	c.into(t, dir, tree.Options{Secrets: tree.Include})

	var b bytes.Buffer
	spool := tree.NewSpool(&b)
	if _, err := early.dump(spool); err != nil {
		t.Fatal(err)
	}
	report, err := c.dump(spool)
	if err != nil {
		t.Fatal(err)
	}
	saved, err := spool.Saved(report, bytes.NewReader(b.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if err := saved.Pack(&got); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), packed(t, dir)) {
		t.Errorf("it packs %d bytes %q, want those of the tree, %d", got.Len(), entries(t, got.Bytes()), len(packed(t, dir)))
	}
	if saved.Seen().ResourceVersion != report.ResourceVersion || len(saved.Seen().Missing()) != 1 {
		t.Errorf("it has seen %+v", saved.Seen())
	}
	if to, err := unpack(t, got.Bytes()); err != nil {
		t.Error(err)
	} else {
		c.holds(t, to)
	}
	if _, err := spool.Saved(report, nil); err == nil {
		t.Error("one dump is given twice")
	}
	if err := spool.Object(object(key("configmaps/late@shop"), "late", "1")); err == nil {
		t.Error("an object is taken after the end")
	}
}

func TestSpoolRefuses(t *testing.T) {
	begun := func() *tree.Spool {
		s := tree.NewSpool(&bytes.Buffer{})
		if err := s.Begin(manifests.Instant{}); err != nil {
			t.Fatal(err)
		}
		return s
	}
	one := object(key("configmaps/web@shop"), "4", "1")
	if err := tree.NewSpool(&bytes.Buffer{}).Object(one); err == nil {
		t.Error("an object is taken before Begin")
	}
	twice := begun()
	if err := errors.Join(twice.Object(one), twice.Object(one)); err == nil || !strings.Contains(err.Error(), "came before") {
		t.Errorf("an object that came twice: %v", err)
	}
	if _, err := twice.Saved(&manifests.Report{Objects: 2}, nil); err == nil || !strings.Contains(err.Error(), "2 objects, and 1 came") {
		t.Errorf("a report of more objects: %v", err)
	}
	wrong := *one
	wrong.Hash = "no hash"
	if err := begun().Object(&wrong); err == nil {
		t.Error("an object with a wrong hash is taken")
	}
}

// What the stream gives back is checked, as files are.
func TestSpoolDamaged(t *testing.T) {
	c := shop()
	var b bytes.Buffer
	spool := tree.NewSpool(&b)
	report, err := c.dump(spool)
	if err != nil {
		t.Fatal(err)
	}
	b.Bytes()[b.Len()/2] ^= 1
	saved, err := spool.Saved(report, bytes.NewReader(b.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if err := saved.Pack(&bytes.Buffer{}); !errors.Is(err, tree.ErrCorrupt) {
		t.Errorf("a flipped bit is packed with %v", err)
	}
}
