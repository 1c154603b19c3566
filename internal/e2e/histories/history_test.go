package histories

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/clustersnap/clustersnap/internal/e2e/bed"
	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/storage"
	"github.com/clustersnap/clustersnap/manifests/storage/history"
)

// What a snapshot tells of a real cluster, of which the parts share one.
func TestSnapshotsOfACluster(t *testing.T) {
	t.Parallel()
	p := newPlace(t, bed.Options{})
	t.Run("a history is what a watch saw", p.history)
	t.Run("of two snapshots", p.twoSnapshots)
	t.Run("accounts that pull", p.accounts)
	t.Run("a namespace that is gone", p.narrowed) // before an API that is dead keeps all namespaces from going
	t.Run("against the live cluster", p.againstLive)
	t.Run("against a tree", p.againstTree)
	t.Run("the commands", p.commands)
	t.Run("compacted", p.compacted)
}

// answer is what the API server said to a write: the revision, and the object in canonical form.
type answer struct{ revision, yaml string }

func answerOf(t testing.TB, u *unstructured.Unstructured, r manifests.Resource) answer {
	t.Helper()
	raw, err := json.Marshal(u.Object)
	must(t, err)
	o, err := manifests.Canonical(raw, r, manifests.Portable)
	must(t, err)
	return answer{u.GetResourceVersion(), string(o.YAML)}
}

var configMapKind = manifests.Resource{Version: "v1", Resource: "configmaps", Kind: "ConfigMap", Namespaced: true}

// lived makes an object live through all that can happen to one, and gives the answers to the writes that leave one.
func (p *place) lived(t testing.TB, namespace, name string) (answers []answer) {
	t.Helper()
	said := func(u *unstructured.Unstructured) { answers = append(answers, answerOf(t, u, configMapKind)) }
	said(p.create(t, configMaps, configMap(namespace, name, "one")))
	said(p.patch(t, configMaps, namespace, name, `{"data":{"k":"two"},"metadata":{"labels":{"app":"web"}}}`))
	said(p.patch(t, configMaps, namespace, name, `{"data":{"k":"three"}}`))
	p.remove(t, configMaps, namespace, name)
	said(p.create(t, configMaps, configMap(namespace, name, "again")))
	said(p.patch(t, configMaps, namespace, name, `{"data":{"k":"at last"}}`))
	return answers
}

// versions gives a history.
func (s *snapshot) versions(t testing.TB, key string) (all []*history.Version) {
	t.Helper()
	for v, err := range history.Of(stuck(t), s.decoder, s, key) {
		must(t, err)
		all = append(all, v)
	}
	return all
}

// steps writes a history in short.
func steps(versions []*history.Version) string {
	var all []string
	for _, v := range versions {
		all = append(all, fmt.Sprintf("%s %d", v.Step, v.Writes))
	}
	return strings.Join(all, ", ")
}

func (p *place) history(t *testing.T) {
	p.namespace(t, "lived")
	key := storage.EtcdKey(manifests.Key{Resource: "configmaps", Namespace: "lived", Name: "c"}, p.prefix)
	at, err := p.etcd.Get(stuck(t), key)
	must(t, err)
	seen := p.etcd.Watch(stuck(t), key, clientv3.WithRev(at.Header.Revision+1))
	answers := p.lived(t, "lived", "c")
	p.create(t, configMaps, configMap("lived", "c-2", "whose name begins alike"))
	versions := p.open(t, p.save(t), nil).versions(t, key)
	if got, want := steps(versions), "created 1, changed 2, changed 3, deleted 0, created again 1, changed 2"; got != want {
		t.Fatalf("the history is %s, want %s", got, want)
	}
	var watched []*clientv3.Event
	for len(watched) < len(versions) {
		watched = append(watched, (<-seen).Events...)
	}
	for i, v := range versions {
		w := watched[i]
		same := w.Kv.ModRevision == v.Revision && w.Kv.Version == v.Writes && len(w.Kv.Value) == v.Size
		if !same || (w.Type == clientv3.EventTypeDelete) != (v.Step == history.Deleted) {
			t.Errorf("number %d is %+v, and the watch saw %v", i, *v, w)
		}
		if v.Step == history.Deleted {
			continue
		}
		if v.Err != nil || string(v.Object.YAML) != answers[0].yaml || fmt.Sprint(v.Revision) != answers[0].revision {
			t.Errorf("revision %d is\n%+v (%v)\nthe API server answered\n%s", v.Revision, v.Object, v.Err, answers[0].yaml)
		}
		answers = answers[1:]
	}
	if versions[0].Meta.UID == "" || versions[0].Meta.UID != versions[2].Meta.UID || versions[0].Meta.UID == versions[4].Meta.UID {
		t.Errorf("the object has uid %q, and then %q", versions[0].Meta.UID, versions[4].Meta.UID)
	}
}

// compacted takes what is older than the second of three versions, which is the last thing that the tests do.
func (p *place) compacted(t *testing.T) {
	p.namespace(t, "compacted")
	answers := p.lived(t, "compacted", "c")
	key := storage.EtcdKey(manifests.Key{Resource: "configmaps", Namespace: "compacted", Name: "c"}, p.prefix)
	var second int64
	_, err := fmt.Sscan(answers[1].revision, &second)
	must(t, err)
	_, err = p.etcd.Compact(stuck(t), second, clientv3.WithCompactPhysical())
	must(t, err)
	snap := p.save(t)
	s := p.open(t, snap, nil)
	versions := s.versions(t, key)
	const want = "oldest 2, changed 3, deleted 0, created again 1, changed 2"
	if got := steps(versions); got != want || s.CompactRevision() != second {
		t.Fatalf("compacted to %d, the history is %s, want %s", s.CompactRevision(), got, want)
	}
	if string(versions[0].Object.YAML) != answers[1].yaml {
		t.Errorf("the oldest is\n%swant\n%s", versions[0].Object.YAML, answers[1].yaml)
	}
	object := []string{"configmap/c", "-n", "compacted"}
	if got := fine(t, append([]string{"history", snap}, object...)...); !strings.Contains(got, " oldest ") {
		t.Errorf("it is shown as\n%s", got)
	}
	before := []string{"--revision", answers[0].revision}
	command.Bad(t, command.Run(t, "", slices.Concat([]string{"get", snap}, object, before)...), 1, "compacted")
	command.Bad(t, command.Run(t, "", append([]string{"ls", snap}, before...)...), 1, "compacted")
	gone := command.Run(t, "", "history", snap, "configmap/c", "-n", "lived-never")
	command.Bad(t, gone, 1, "no trace", fmt.Sprint(second))
}
