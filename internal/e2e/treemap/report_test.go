package treemap

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/clustersnap/clustersnap/etcdsnap"
	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/manifests/storage"
	"github.com/clustersnap/clustersnap/manifests/storage/usage"
)

// What the verified walk of the tree counts of each resource, by the keys alone, is what is counted by their events.
func sameAsContent(t *testing.T, path string, report *usage.Report) {
	f, err := os.Open(path)
	must(t, err)
	defer f.Close()
	info, err := etcdsnap.Verify(t.Context(), f, etcdsnap.VerifyOptions{})
	must(t, err)
	type place struct {
		use             storage.Use
		group, resource string
	}
	want := map[place]usage.Sizes{}
	for _, r := range info.Content.Keyspace.Resources {
		p := storage.Locate([]byte("/registry/"+r.Resource+"/name"), "")
		at := place{p.Use, p.Key.Group, p.Key.Resource}
		if p.Use != storage.Object { // which of the others it is takes the whole key
			at = place{resource: r.Resource}
		}
		s := want[at]
		s.Keys += r.Keys
		s.Bytes += r.Bytes
		s.Records += r.Records
		s.RecordBytes += r.RecordBytes
		want[at] = s
	}
	for _, r := range report.Resources {
		at := place{r.Use, r.Group, r.Resource}
		if r.Use != storage.Object {
			at.use = ""
		}
		got := r.Sizes
		got.ManagedFields = 0
		if got != want[at] {
			t.Errorf("%s %s has %+v, want %+v", r.Resource, r.Group, got, want[at])
		}
		delete(want, at)
		if r.Use != storage.Object || r.Resource == "serviceaccounts" { // which have no managedFields
			continue
		}
		if known := r.Kind != "" && r.ManagedFields > 0; known == (r.Resource == "secrets") { // which are encrypted
			t.Errorf("of %s, %q, managedFields are %d bytes", r.Resource, r.Kind, r.ManagedFields)
		}
	}
	for at, s := range want {
		t.Errorf("%+v with %+v is not counted", at, s)
	}
	if report.Total.Keys != info.Content.Keyspace.Keys || report.Total.Records != info.Content.Records {
		t.Errorf("in total %+v, want %d keys in %d records", report.Total, info.Content.Keyspace.Keys, info.Content.Records)
	}
	if report.Revision != info.Content.Revision || report.Compacted != info.Content.CompactRevision {
		t.Errorf("revisions are %d and %d", report.Revision, report.Compacted)
	}
}

// What was made large or busy on purpose comes first.
func findsThem(t *testing.T, report *usage.Report) {
	if o := report.Largest[0]; o.Name != "large" || o.Namespace != "data-3" || o.Kind != "ConfigMap" || o.Bytes < 700_000 {
		t.Errorf("the largest object is %+v", o)
	}
	changes := int64(0)
	for _, o := range report.Changing {
		if o.Name != busy {
			continue
		}
		changes = o.Changes
		if o.Version != busyWrites || o.Records < o.Changes || o.ManagedFields == 0 || o.ManagedFields >= o.Bytes {
			t.Errorf("the busy object has %d writes, %d records and %d changes, and %d bytes of %d are managedFields",
				o.Version, o.Records, o.Changes, o.ManagedFields, o.Bytes)
		}
	}
	if changes != busyWrites {
		t.Errorf("of %d writes, %d are told: %+v", busyWrites, changes, report.Changing)
	}
	for _, r := range report.Resources {
		if r.Resource == "events" && (r.Bytes >= r.RecordBytes || r.Records < r.Keys+60) {
			t.Errorf("events are %+v: 30 were deleted", r.Sizes)
		}
	}
}

func tables(t *testing.T, path string) {
	for args, wants := range map[string][]string{
		"":                                    {"snapshot ", "live ", "  resource\n", "  widgets.datamaker.example.com\n"},
		"--by namespace --sort keys":          {"configmaps data-0\n", "resource and namespace", "more: see --lines"},
		"--by namespace -n 0":                 {"configmaps data-0\n", "secrets data-7\n"},
		"--by object --sort live":             {"configmaps/large -n data-3\n"},
		"--by object --sort revisions -n 100": {"configmaps/busy -n data-1\n"},
		"--by object --sort stored":           {"configmaps/large -n data-3\n"},
		"--etcd-prefix /elsewhere":            {"registry\n"},
	} {
		o := command.Run(t, "", append(append([]string{"etcd", "top"}, strings.Fields(args)...), path)...)
		if o.Code != 0 || o.Stderr != "" {
			t.Errorf("%s: exit %d\n%s", args, o.Code, o.Stderr)
		}
		for _, want := range wants {
			if !strings.Contains(o.Stdout, want) {
				t.Errorf("%s: the command does not say %q:\n%s", args, want, o.Stdout)
			}
		}
	}
	o := command.Run(t, "", "etcd", "top", "--by", "object", "-n", "10000", path)
	if !strings.Contains(o.Stdout, "red\uFFFD[31m") || strings.Contains(o.Stdout, "\x1b") {
		t.Error("a name is printed as it is, though it may do a terminal harm")
	}
	for by, lines := range map[string]int{"resource": 3, "object": 3} {
		o := command.Run(t, "", "etcd", "top", "--by", by, "-n", "3", path)
		_, table, _ := strings.Cut(o.Stdout, "\n\n")
		got := strings.Count(table, "\n") - strings.Count(table, "more: see")
		if got != lines+1 { // and the header
			t.Errorf("by %s, 3 lines are %d:\n%s", by, got-1, o.Stdout)
		}
	}
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{
		{}, {"a", "b"}, {"--by", "kind", "a"}, {"--sort", "size", "a"}, {"--by", "object", "--sort", "keys", "a"},
		{"-n", "-1", "a"}, {"-o", "json", "--html", "x", "a"},
	} {
		command.Bad(t, command.Run(t, "", append([]string{"etcd", "top"}, args...)...), 2)
	}
	for line := range strings.Lines(command.Run(t, "", "etcd", "top", "--help").Stdout) {
		if len(line) > 81 {
			t.Errorf("wider than a terminal: %s", line)
		}
	}
	none := filepath.Join(t.TempDir(), "none")
	command.Bad(t, command.Run(t, "", "etcd", "top", none), 1, none)
	must(t, os.WriteFile(none, make([]byte, 1<<16), 0o600))
	command.Bad(t, command.Run(t, "", "etcd", "top", none), 1, none, "snapshot")
}
