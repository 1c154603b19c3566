package histories

import (
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/clustersnap/clustersnap/internal/e2e/corpus"
	"github.com/clustersnap/clustersnap/internal/e2e/differences"
	"github.com/clustersnap/clustersnap/internal/e2e/ondisk"
	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/diff"
	"github.com/clustersnap/clustersnap/manifests/tree"
)

// all are all classes: what controllers make is compared too.
var all = []manifests.Class{
	manifests.User, manifests.Generated, manifests.Bootstrap, manifests.NodeBound, manifests.Terminating, manifests.Completed,
}

func (p *place) twoSnapshots(t *testing.T) {
	p.namespace(t, "two")
	for i := range 20 {
		p.create(t, configMaps, configMap("two", fmt.Sprint("c", i), "old"))
	}
	before := p.open(t, p.save(t), nil)
	p.patch(t, configMaps, "two", "c7", `{"data":{"k":"new"}}`)
	p.remove(t, configMaps, "two", "c3")
	p.create(t, configMaps, configMap("two", "made", "v"))
	p.remove(t, configMaps, "two", "c5") // and made again, the same
	p.create(t, configMaps, configMap("two", "c5", "old"))
	after := p.open(t, p.save(t), nil)
	want := []string{
		"configmaps/c3 -n two removed", "configmaps/c7 -n two changed data.k changed", "configmaps/made -n two added",
	}
	opts := diff.Options{Ignore: []diff.Rule{{Namespace: "kube-*"}}} // where controllers still make things
	changes, summary := compare(t, before.side(t, 0), after.side(t, 0), opts)
	differences.Want(t, changes, want...)
	if summary.Same < 20 || summary.Read != 1+2+1+2 || diff.ExitCode(summary, nil) != 1 {
		t.Errorf("the summary is %+v", *summary)
	}
	// The second snapshot has the first in its history.
	changes, _ = compare(t, after.side(t, before.Revision()), after.side(t, 0), opts)
	differences.Want(t, changes, want...)
	changes, summary = compare(t, before.side(t, 0), after.side(t, before.Revision()), opts)
	differences.Want(t, changes)
	if summary.Read != 0 || diff.ExitCode(summary, nil) != 0 {
		t.Errorf("of what is the same, the summary is %+v", *summary)
	}
	// By content it is the same, though more is read.
	changes, _ = compare(t, before.hashes(t), after.hashes(t), opts)
	differences.Want(t, changes, want...)
}

// movedSince fails for what is said to have changed and has the resource version that it had.
func movedSince(t *testing.T, p *place, changes []*diff.Change, revision int64) {
	t.Helper()
	for _, c := range changes {
		o, err := p.cluster.Get(stuck(t), c.Key, manifests.Portable)
		if c.What != diff.Changed || err != nil {
			continue
		}
		if version, err := strconv.ParseInt(o.ResourceVersion, 10, 64); err != nil || version <= revision {
			t.Errorf("%v is said to be changed, and has been at %s since before %d: %+v", c.Key, o.ResourceVersion, revision, c.Fields)
		}
	}
}

func (p *place) againstLive(t *testing.T) {
	_, err := corpus.Load(stuck(t), p.config)
	must(t, err)
	p.namespace(t, "live")
	p.create(t, configMaps, configMap("live", "c", "old"))
	p.create(t, secrets, map[string]any{
		"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": "s", "namespace": "live"},
		"stringData": map[string]any{"password": "hunter1"},
	})
	p.create(t, events, map[string]any{
		"apiVersion": "v1", "kind": "Event", "metadata": map[string]any{"name": "e", "namespace": "live"},
		"involvedObject": map[string]any{"namespace": "live"}, "reason": "Tested", "message": "once", "count": int64(1),
	})
	s := p.open(t, p.save(t), nil)
	live := func() diff.Side { return diff.Live(p.cluster, manifests.Options{}) }
	mine := diff.Options{Classes: all, Ignore: []diff.Rule{{Resource: "leases"}}}

	side := s.side(t, 0)
	changes, summary := compare(t, side, live(), mine)
	movedSince(t, p, changes, s.Revision())
	for _, c := range changes {
		switch {
		case c.Resource == "secrecies":
			if c.What != diff.Failed || !strings.Contains(c.Why, "has no version that is served") {
				t.Errorf("what nobody can see is told as %v", differences.Lines([]*diff.Change{c}))
			}
		case c.What != diff.Changed || c.Class == manifests.User:
			t.Errorf("nothing moved, and there is %v", differences.Lines([]*diff.Change{c}))
		}
	}
	if len(changes) > 20 || summary.Same < 400 {
		t.Errorf("the summary is %+v, the changes are\n%s", *summary, strings.Join(differences.Lines(changes), "\n"))
	}
	t.Logf("%d the same, %d read, %d changes: %v", summary.Same, summary.Read, len(changes), differences.Lines(changes))

	p.patch(t, configMaps, "live", "c", `{"data":{"k":"new"}}`)
	p.patch(t, secrets, "live", "s", `{"stringData":{"password":"hunter2"}}`)
	p.patch(t, events, "live", "e", `{"message":"twice","count":2}`)
	p.create(t, configMaps, configMap("live", "made", "v"))
	mine.Ignore = append(mine.Ignore, diff.Rule{Resource: "secrecies"})
	changes, _ = compare(t, side, diff.Live(p.cluster, manifests.Options{Namespaces: []string{"live"}}), mine)
	differences.Want(t, changes,
		"configmaps/c -n live changed data.k changed",
		"configmaps/made -n live added",
		"events.events.k8s.io/e -n live changed deprecatedCount changed",
		"events.events.k8s.io/e -n live changed note changed",
		"secrets/s -n live changed data.password changed",
	)
	for _, c := range changes {
		if c.Resource == "secrets" && fmt.Sprint(c.Fields) != "[{data.password changed  *** (before) *** (after) <nil>}]" {
			t.Errorf("of the Secret is told %v", c.Fields)
		}
	}
}

// dump writes the live cluster into a tree.
func (p *place) dump(t testing.TB, dir string) *tree.Saved {
	t.Helper()
	saved, _ := ondisk.Tree(t, dir, tree.Options{Secrets: tree.Include}, func(to *tree.Tree) (*manifests.Report, error) {
		return p.cluster.Dump(stuck(t), to, manifests.Options{})
	})
	return saved
}

// withoutState is a tree as it comes from git, which has no versions.
type withoutState struct{ fs.FS }

func (w withoutState) Open(name string) (fs.File, error) {
	if strings.HasPrefix(name, ".clustersnap") {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return w.FS.Open(name)
}

func (p *place) againstTree(t *testing.T) {
	p.namespace(t, "tree")
	p.create(t, configMaps, configMap("tree", "c", "old"))
	dir := t.TempDir()
	saved := p.dump(t, dir)
	mine := diff.Options{Ignore: []diff.Rule{{Resource: "secrecies"}}}
	s := p.open(t, p.save(t), nil)
	changes, summary := compare(t, saved, s.side(t, 0), mine)
	differences.Want(t, changes)
	if summary.Same < 100 || summary.Read > 20 { // controllers write status meanwhile
		t.Errorf("of what is the same, the summary is %+v", *summary)
	}
	bare, err := tree.Read(withoutState{os.DirFS(dir)})
	must(t, err)
	changes, summary = compare(t, bare, s.hashes(t), mine)
	// Etcd has these in another version than the API server prefers, and nobody to ask is there.
	stored := []string{
		"clustertrustbundles.certificates.k8s.io/corpus.example.com:signer:one changed apiVersion changed",
		"devicetaintrules.resource.k8s.io/corpus changed apiVersion changed",
	}
	differences.Want(t, changes, stored...)
	t.Logf("by content, %d are the same and %d were read", summary.Same, summary.Read)
	if summary.Same < 100 {
		t.Errorf("by content, the summary is %+v", *summary)
	}
	p.patch(t, configMaps, "tree", "c", `{"data":{"k":"new"}}`)
	later := p.open(t, p.save(t), nil)
	changes, _ = compare(t, saved, later.side(t, 0), mine)
	differences.Want(t, changes, "configmaps/c -n tree changed data.k changed")
	changes, _ = compare(t, bare, later.hashes(t), mine)
	differences.Want(t, changes, append(stored, "configmaps/c -n tree changed data.k changed")...)
}
