package restore

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/clustersnap/clustersnap/kubeadm"
)

// Members are known by their URLs: one of the node's own name may be the machine whose place it takes. Only the running etcd
// has the node itself in its list, maybe at a URL that nobody else could use.
func TestOthers(t *testing.T) {
	_, node := newNode(t)
	name := node.Etcd.Name.Value
	node.Etcd.InitialCluster.Value = name + "=" + node.Etcd.PeerURLs[0].Value + "," + name + "=https://10.0.0.2:2380"
	plan := New(node, noon, PlanOptions{Members: []kubeadm.Member{
		{Name: name, PeerURLs: []string{"https://10.0.0.3:2380", "http://localhost:2380"}, ClientURLs: []string{"https://127.0.0.2:2379"}},
		{Name: "cp2", PeerURLs: []string{"https://10.0.0.4:2380", "nonsense"}},
	}})
	got := plan.others([]kubeadm.Member{
		{Name: name, PeerURLs: []string{"https://10.0.0.5:2380"}}, {Name: "cp3", PeerURLs: []string{"https://10.0.0.6:2380"}},
	})
	want := []string{"https://10.0.0.2:2380", "https://10.0.0.3:2380", "https://10.0.0.4:2380", "https://10.0.0.6:2380"}
	if is := slices.Sorted(maps.Keys(got)); !slices.Equal(is, want) {
		t.Errorf("they are %q, want %q", is, want)
	}
}

// A member that can't be asked for is none that has gone, until the caller says so.
func TestMemberThatCannotBeAsked(t *testing.T) {
	root, node := newNode(t)
	was := tree(t, root)
	options := PlanOptions{Members: []kubeadm.Member{{Name: "cp2", PeerURLs: []string{"https://no-such-host.invalid:2380"}}}}
	_, err := Run(t.Context(), Host{Root: root, Limit: time.Second}, New(node, noon, options), newSource(t))
	says(t, err, "whether member cp2 is gone is not known")
	says(t, err, "or say that none serves any more")
	same(t, was, tree(t, root))

	// A restore that was interrupted takes the caller's word later, too.
	plan := New(node, noon, lone)
	killedAt(t, root, plan, newSource(t), "journal: swap done")
	m, err := begin(t.Context(), mustHost(t, root), plan, newSource(t))
	must(t, err)
	m.plan.Alone, m.plan.Members = false, options.Members
	trusted := *m.plan
	trusted.Alone = true
	must(t, m.resumes(t.Context(), &trusted))
	if !m.plan.Alone {
		t.Error("the word is not taken")
	}
	must(t, m.close())
}

func mustHost(t *testing.T, root string) Host {
	t.Helper()
	host, err := Host{Root: root, Limit: time.Second}.withDefaults()
	must(t, err)
	return host
}

// A control plane that has joined since the backup is in no list, and serves all the same.
func TestClusterIsServedElsewhere(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Write([]byte(`{"kind":"Namespace","apiVersion":"v1","metadata":{"name":"kube-system","uid":"uid"}}`))
	}))
	defer server.Close()
	root, node := newNode(t)
	conf := strings.Replace(oldAdmin, "https://127.0.0.1:1", server.URL, 1)
	write(t, filepath.Join(root, "etc/kubernetes/admin.conf"), conf)
	write(t, filepath.Join(root, "etc/kubernetes/controller-manager.conf"), oldAdmin)
	was := tree(t, root)
	plan := New(node, noon, PlanOptions{Members: []kubeadm.Member{{Name: node.Etcd.Name.Value, PeerURLs: []string{node.Etcd.PeerURLs[0].Value}}}})
	_, err := Run(t.Context(), Host{Root: root, Limit: time.Second}, plan, newSource(t))
	says(t, err, "the cluster is served at "+server.URL+", and not by this node")
	if !errors.Is(err, ErrRefused) {
		t.Errorf("it is not refused: %v", err)
	}
	same(t, was, tree(t, root))
}

// Ports that are not this machine's say nothing, and that is seen before anything stops.
func TestPortsOfAnotherMachine(t *testing.T) {
	root, node := newNode(t)
	was := tree(t, root)
	node.Programs[1].Serves.Value = "no-such-host.invalid:6443"
	_, err := Run(t.Context(), Host{Root: root, Limit: time.Second}, New(node, noon, lone), newSource(t))
	says(t, err, "ask whether somebody listens at no-such-host.invalid:6443")
	if !errors.Is(err, ErrRefused) {
		t.Errorf("it is not refused: %v", err)
	}
	same(t, was, tree(t, root))
}

// What could not see that programs end takes nothing back either.
func TestRollbackThatCannotSee(t *testing.T) {
	root, node := newNode(t)
	was, plan := tree(t, root), New(node, noon, lone)
	killedAt(t, root, plan, newSource(t), "journal: swap done")
	swapped := tree(t, root)
	_, err := Rollback(t.Context(), Host{Root: root, Limit: time.Second, Containers: noRuntime{}}, "/var/lib/etcd", RollbackOptions{})
	says(t, err, "connection refused")
	same(t, swapped, tree(t, root))
	_, err = Rollback(t.Context(), Host{Root: root, Limit: time.Second}, "/var/lib/etcd", RollbackOptions{})
	must(t, err)
	same(t, was, tree(t, root))
}

// booting is a runtime that is asked too early.
type booting struct {
	noRuntime
	asked int
}

func (b *booting) Running(context.Context, string) ([]string, error) {
	if b.asked++; b.asked < 3 {
		return nil, errors.New("server is not initialized yet")
	}
	return nil, nil
}

// Who goes on right after a boot finds a runtime that is not there yet.
func TestRuntimeThatHasJustStarted(t *testing.T) {
	_, node := newNode(t)
	b := new(booting)
	must(t, Host{Limit: time.Minute, Containers: b}.check(t.Context(), New(node, noon, lone)))
	if b.asked != 3 {
		t.Errorf("it was asked %d times", b.asked)
	}
}
