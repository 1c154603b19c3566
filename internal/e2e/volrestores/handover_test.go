package volrestores

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clustersnap/clustersnap/internal/e2e/csibed"
	"github.com/clustersnap/clustersnap/internal/e2e/csibed/driver"
	"github.com/clustersnap/clustersnap/volsnap"
	"github.com/clustersnap/clustersnap/volsnap/handover"
	"github.com/clustersnap/clustersnap/volsnap/restore"
)

// handed is a snapshot's record, written and read again.
func (p *place) handed(t *testing.T, snapshots ...volsnap.Snapshot) []handover.Record {
	t.Helper()
	records, err := handover.Export(stuck(t), p.cluster, snapshots)
	must(t, err)
	var file bytes.Buffer
	must(t, handover.Write(&file, records))
	records, err = handover.Read(&file)
	must(t, err)
	return records
}

// gone deletes a namespace and waits until it is gone.
func (p *place) gone(t *testing.T, namespace string) {
	t.Helper()
	must(t, p.Client.CoreV1().Namespaces().Delete(stuck(t), namespace, metav1.DeleteOptions{}))
	p.Gone(t, namespaces, "", namespace)
}

func (p *place) pin(t *testing.T, s volsnap.Snapshot) {
	t.Helper()
	p.patch(t, csibed.Contents, "", s.Content, `{"spec":{"deletionPolicy":"Retain"}}`)
}

// deletedNamespaceTest: what was pinned survives the deletion of its namespace, and is brought back from its record.
func deletedNamespaceTest(t *testing.T, p *place) {
	p.Namespace(t, "doomed")
	p.claim(t, "doomed", "db", "kept")
	kept, lost := p.snapshot(t, "doomed", "kept", "db"), p.snapshot(t, "doomed", "lost", "db")
	p.pin(t, kept)
	records := p.handed(t, kept, lost)
	p.gone(t, "doomed")
	p.Gone(t, csibed.Contents, "", lost.Content)
	if has := p.d.Snapshots(); !slices.Contains(has, kept.Handle) || slices.Contains(has, lost.Handle) {
		t.Fatalf("the driver has %q; %s was pinned, %s was not", has, kept.Handle, lost.Handle)
	}

	p.Namespace(t, "reborn")
	before := p.names(t, csibed.Contents, "", "clustersnap.github.io/imported")
	got, err := handover.Import(stuck(t), p.cluster, records[0], "reborn", "db", handover.ImportOptions{})
	must(t, err)
	if !got.Ready || got.Unverified || !got.Pinned || !got.Imported || !got.Cut.Equal(kept.Cut) || got.Claim != "db" {
		t.Errorf("imported %+v", *got)
	}
	listed := p.seen(t, "reborn", "db")
	if listed.Unverified || !listed.Cut.Equal(kept.Cut) || listed.Claim != "db" || listed.Mode != kept.Mode || !listed.Imported {
		t.Errorf("listed as %+v", listed)
	}
	_, err = restore.Claim(stuck(t), p.cluster, *got, "reborn", "db", restore.ClaimOptions{StorageClass: records[0].StorageClass})
	must(t, err)
	p.holds(t, "reborn", "db", "kept")

	_, err = handover.Import(stuck(t), p.cluster, records[1], "reborn", "lost", handover.ImportOptions{})
	if !errors.Is(err, handover.ErrHandleMissing) {
		t.Errorf("of what was deleted: %v", err)
	}
	if names := p.names(t, csibed.Snapshots, "reborn", ""); !slices.Equal(names, []string{"db"}) {
		t.Errorf("snapshots are left: %q", names)
	}
	if names := p.names(t, csibed.Contents, "", "clustersnap.github.io/imported"); len(names) != len(before)+1 {
		t.Errorf("there were the contents %q, and are %q", before, names)
	}
	// The import goes with its namespace, and the storage's snapshot stays.
	p.gone(t, "reborn")
	if !slices.Contains(p.d.Snapshots(), kept.Handle) {
		t.Error("the deletion of the import's namespace has deleted the storage's snapshot")
	}
}

// importTest: imports can be repeated, and refuse what they can't do.
func importTest(t *testing.T, p *place) {
	p.Namespace(t, "imports")
	p.claim(t, "imports", "db", "text")
	first, second := p.snapshot(t, "imports", "first", "db"), p.snapshot(t, "imports", "second", "db")
	records := p.handed(t, first, second)
	for range 2 {
		_, err := handover.Import(stuck(t), p.cluster, records[0], "imports", "copy", handover.ImportOptions{})
		must(t, err)
	}
	p.Namespace(t, "imports-2")
	// A snapshot that was deleted leaves a content that can't be bound again.
	_, err := handover.Import(stuck(t), p.cluster, records[0], "imports-2", "copy", handover.ImportOptions{})
	must(t, err)
	must(t, p.Dynamic.Resource(csibed.Snapshots).Namespace("imports-2").Delete(stuck(t), "copy", metav1.DeleteOptions{}))
	p.Gone(t, csibed.Snapshots, "imports-2", "copy")
	again, err := handover.Import(stuck(t), p.cluster, records[0], "imports-2", "copy", handover.ImportOptions{})
	must(t, err)
	if !again.Ready {
		t.Errorf("imported again as %+v", *again)
	}

	foreign, several := records[0], records[0]
	foreign.Driver = "another.csi.test"
	several.Class = ""
	p.MakeClass(t, "second-class", p.d.Name)
	p.MakeClass(t, "of-another", "another-2.csi.test")
	for name, test := range map[string]struct {
		of   handover.Record
		name string
		opts handover.ImportOptions
		want error
	}{
		"another snapshot has the name": {records[1], "copy", handover.ImportOptions{}, handover.ErrTaken},
		"a claim's snapshot has it":     {records[1], "first", handover.ImportOptions{}, handover.ErrTaken},
		"unknown driver":                {foreign, "x", handover.ImportOptions{}, handover.ErrUnknownDriver},
		"class of another driver":       {records[0], "x", handover.ImportOptions{Class: "of-another"}, handover.ErrClass},
		"no such class":                 {records[0], "x", handover.ImportOptions{Class: "none"}, handover.ErrClass},
		"several classes":               {several, "x", handover.ImportOptions{}, handover.ErrClass},
		"no handle":                     {handover.Record{Driver: "d"}, "x", handover.ImportOptions{}, handover.ErrRecord},
	} {
		_, err := handover.Import(stuck(t), p.cluster, test.of, "imports", test.name, test.opts)
		if !errors.Is(err, test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if names := p.names(t, csibed.Snapshots, "imports", ""); len(names) != 3 {
		t.Errorf("there are %q", names)
	}
	must(t, p.Dynamic.Resource(csibed.Classes).Delete(stuck(t), "second-class", metav1.DeleteOptions{}))
}

// exportTest: what can't be exported is named, and the others are exported.
func exportTest(t *testing.T, p *place) {
	p.Namespace(t, "exports")
	p.claim(t, "exports", "db", "text")
	p.patch(t, claims, "exports", "db", `{"metadata":{"labels":{"app":"db"}}}`)
	good := p.snapshot(t, "exports", "good", "db")
	p.Sidecars[p.d.Name].Stop(t)
	p.Snapshot(t, "exports", "uncut", "db", p.d.Name)
	p.Until(t, csibed.Snapshots, "exports", "uncut", hasContent)
	records, err := handover.Export(stuck(t), p.cluster, []volsnap.Snapshot{
		{Namespace: "exports", Name: "uncut"}, {Namespace: "exports", Name: "none"}, good,
	})
	p.Sidecars[p.d.Name].Start(t)
	if !errors.Is(err, handover.ErrNotCut) || !strings.Contains(err.Error(), "exports/none") {
		t.Errorf("got %v", err)
	}
	if len(records) != 1 {
		t.Fatalf("got %d records", len(records))
	}
	system, err := p.Client.CoreV1().Namespaces().Get(stuck(t), "kube-system", metav1.GetOptions{})
	must(t, err)
	r := records[0]
	_, volume := p.DriverOf(t, "exports", "db")
	if r.Handle != good.Handle || r.Driver != p.d.Name || r.Volume != volume || !r.Cut.Equal(good.Cut) ||
		r.Cluster != string(system.UID) {
		t.Errorf("got %+v", r)
	}
	if r.Size != 1<<20 || r.RestoreSize != good.RestoreSize || r.Mode != "Filesystem" || r.Labels["app"] != "db" ||
		!slices.Equal(r.AccessModes, []string{string(corev1.ReadWriteOnce)}) || r.StorageClass != p.d.Name || r.Claim != "db" {
		t.Errorf("got %+v", r)
	}
}

// unverifiedTest: a driver that does not list makes any handle ready, which is told, and a restore finds out.
func unverifiedTest(t *testing.T, p *place) {
	p.Namespace(t, "unlisted")
	p.claim(t, "unlisted", "db", "text")
	records := p.handed(t, p.snapshot(t, "unlisted", "first", "db"))
	p.d.Set(driver.Temper{NoList: true})
	p.Sidecars[p.d.Name].Stop(t)
	p.Sidecars[p.d.Name].Start(t)
	defer func() {
		p.d.Set(driver.Temper{})
		p.Sidecars[p.d.Name].Stop(t)
		p.Sidecars[p.d.Name].Start(t)
	}()
	got, err := handover.Import(stuck(t), p.cluster, records[0], "unlisted", "copy", handover.ImportOptions{})
	must(t, err)
	if !got.Ready || !got.Unverified || !got.Cut.Equal(records[0].Cut) {
		t.Errorf("imported %+v", *got)
	}
	// Its size is not known then, so it is the record's.
	_, err = restore.Claim(stuck(t), p.cluster, *got, "unlisted", "restored", restore.ClaimOptions{Size: records[0].Size})
	must(t, err)
	p.holds(t, "unlisted", "restored", "text")
}

// twoClustersTest: handed over by record, from one API server to another, on one storage.
func twoClustersTest(t *testing.T, p *place) {
	there := p.other
	p.Namespace(t, "travels")
	p.claim(t, "travels", "db", "luggage")
	records := p.handed(t, p.snapshot(t, "travels", "leaving", "db"))
	there.Namespace(t, "arrived")
	got, err := handover.Import(stuck(t), there.cluster, records[0], "arrived", "db", handover.ImportOptions{})
	must(t, err)
	if got.Unverified || got.RestoreSize != records[0].RestoreSize {
		t.Errorf("imported %+v", *got)
	}
	_, err = restore.Claim(stuck(t), there.cluster, *got, "arrived", "db", restore.ClaimOptions{
		Size: records[0].Size, AccessModes: records[0].AccessModes, StorageClass: records[0].StorageClass,
	})
	must(t, err)
	there.holds(t, "arrived", "db", "luggage")
	there.gone(t, "arrived")
	if !slices.Contains(p.d.Snapshots(), records[0].Handle) {
		t.Error("the other cluster has deleted the snapshot of this one")
	}
}

// memberTest: the record of one that was cut with a group names the group, and the import of it alone says what it waits for.
func memberTest(t *testing.T, p *place) {
	there := p.other
	p.Namespace(t, "grouped")
	p.claim(t, "grouped", "db", "rows")
	p.claim(t, "grouped", "log", "lines")
	plan, err := p.cluster.Plan(stuck(t), volsnap.Selection{Namespaces: []string{"grouped"}}, volsnap.PlanOptions{})
	must(t, err)
	account, err := p.cluster.Take(stuck(t), plan, volsnap.TakeOptions{
		Run: "grouped", Ready: true, Group: func(volsnap.Volume) string { return "all" },
	})
	must(t, err)
	must(t, account.Complete())
	var taken []volsnap.Snapshot
	for _, r := range account.Volumes {
		taken = append(taken, *r.Snapshot)
	}
	records := p.handed(t, taken...)
	if len(records) != 2 || records[1].Claim != "log" || records[1].Size != 1<<20 {
		t.Fatalf("records are %+v", records)
	}
	for i, r := range records {
		if r.Group == "" || r.Group != taken[i].Group || r.GroupHandle == "" || r.GroupHandle != taken[i].GroupHandle {
			t.Errorf("record %+v of %+v", r, taken[i])
		}
	}
	there.Namespace(t, "alone")
	ctx, cancel := context.WithTimeout(stuck(t), 5*time.Second) // it would wait for ever
	defer cancel()
	_, err = handover.Import(ctx, there.cluster, records[1], "alone", "log", handover.ImportOptions{})
	if err == nil || !strings.Contains(err.Error(), "VolumeGroupSnapshotContent") || !strings.Contains(err.Error(), records[1].GroupHandle) {
		t.Errorf("the import says %v", err)
	}
	there.gone(t, "alone")
	if has := p.d.Snapshots(); !slices.Contains(has, records[0].Handle) || !slices.Contains(has, records[1].Handle) {
		t.Errorf("the driver has %q, and not both of the group", has)
	}
}
