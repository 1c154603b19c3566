package histories

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/clustersnap/clustersnap/internal/e2e/bed"
	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/internal/e2e/differences"
	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/diff"
	"github.com/clustersnap/clustersnap/manifests/storage"
)

// Secrets that are encrypted at rest, below a prefix that is not the usual one: with the configuration all is told, and
// without it all but what they hold.
func TestEncryptedBelowAnotherPrefix(t *testing.T) {
	t.Parallel()
	p := newPlace(t, bed.Options{Encryption: true, EtcdPrefix: "/kubernetes.io"})
	file := filepath.Join(p.node.Root, bed.EncryptionConfig)
	config, err := os.ReadFile(file)
	must(t, err)
	p.namespace(t, "shop")
	for _, name := range []string{"keep", "move"} {
		p.create(t, secrets, map[string]any{
			"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": name, "namespace": "shop"},
			"stringData": map[string]any{"password": "hunter1"},
		})
	}
	p.create(t, configMaps, configMap("shop", "c", "old"))
	first := p.save(t)
	p.patch(t, secrets, "shop", "move", `{"stringData":{"password":"hunter2"}}`)
	p.patch(t, configMaps, "shop", "c", `{"data":{"k":"new"}}`)
	second := p.save(t)

	t.Run("history", func(t *testing.T) { p.encryptedHistory(t, second, config) })
	t.Run("sides", func(t *testing.T) { p.encryptedSides(t, first, second, config) })
	t.Run("commands", func(t *testing.T) { encryptedCommands(t, first, second, file) })
	t.Run("diff with the live cluster", func(t *testing.T) {
		p.liveDiff(t, second, "--etcd-prefix", p.prefix, "--encryption-config", file)
	})
}

func (p *place) encryptedHistory(t *testing.T, snap string, config []byte) {
	key := storage.EtcdKey(manifests.Key{Resource: "secrets", Namespace: "shop", Name: "move"}, p.prefix)
	for _, encryption := range [][]byte{nil, config} {
		versions := p.open(t, snap, encryption).versions(t, key)
		if got, want := steps(versions), "created 1, changed 2"; got != want {
			t.Fatalf("the history is %s, want %s", got, want)
		}
		for i, v := range versions {
			known := v.Err == nil && strings.Contains(string(v.Object.YAML), []string{"aHVudGVyMQ==", "aHVudGVyMg=="}[i])
			hidden := errors.Is(v.Err, storage.ErrEncrypted) && v.Object == nil
			told := v.Meta.Cipher == `secretbox with key "key1"` && v.Size > 0
			if !told || known != (encryption != nil) || hidden != (encryption == nil) {
				t.Errorf("with %d bytes of configuration, number %d is %+v (%v)", len(encryption), i, v.Meta, v.Err)
			}
		}
	}
}

func (p *place) encryptedSides(t *testing.T, first, second string, config []byte) {
	mine := diff.Options{}
	changes, _ := compare(t, p.open(t, first, config).side(t, 0), p.open(t, second, config).side(t, 0), mine)
	differences.Want(t, changes, "configmaps/c -n shop changed data.k changed", "secrets/move -n shop changed data.password changed")
	live := diff.Live(p.cluster, manifests.Options{Namespaces: []string{"shop"}})
	changes, summary := compare(t, p.open(t, second, config).side(t, 0), live, mine)
	differences.Want(t, changes)
	if summary.Same != 3 {
		t.Errorf("the summary is %+v", *summary)
	}
	// Without the keys, the one that did not move is still the same.
	changes, _ = compare(t, p.open(t, first, nil).side(t, 0), p.open(t, second, nil).side(t, 0), mine)
	if len(changes) != 2 || changes[1].Name != "move" || changes[1].What != diff.Failed ||
		!strings.Contains(changes[1].Why, "encrypted") {
		t.Errorf("without the keys is told %v", differences.Lines(changes))
	}
}

func encryptedCommands(t *testing.T, first, second, config string) {
	below := []string{"--etcd-prefix", "/kubernetes.io"}
	with := append([]string{"--encryption-config", config}, below...)
	run := func(flags []string, args ...string) command.Outcome {
		return command.Run(t, "", append(args, flags...)...)
	}
	if got := fine(t, append([]string{"ls", second, "secrets", "-n", "shop"}, below...)...); strings.Count(got, "\n") != 3 {
		t.Errorf("without the keys is listed\n%s", got)
	}
	got := fine(t, append([]string{"get", second, "secret/move", "--show-secrets"}, with...)...)
	if !strings.Contains(got, "aHVudGVyMg==") {
		t.Errorf("the Secret is printed as\n%s", got)
	}
	command.Bad(t, run(below, "get", second, "secret/move", "--show-secrets"), 1, "encrypted", "secretbox")
	got = fine(t, append([]string{"history", second, "secret/move", "-n", "shop"}, below...)...)
	if strings.Count(got, "encrypted") != 2 {
		t.Errorf("without the keys the history is\n%s", got)
	}
	got = fine(t, append([]string{"history", second, "secret/move", "--diff"}, with...)...)
	if !strings.Contains(got, "data.password") || strings.Contains(got, "aHVudGVy") {
		t.Errorf("the history is\n%s", got)
	}
	o := run(with, "manifests", "diff", first, second)
	if o.Code != 1 || !strings.Contains(o.Stderr, "0 added, 0 removed, 2 changed, 0 failed") {
		t.Errorf("of two snapshots: exit %d\n%s%s", o.Code, o.Stdout, o.Stderr)
	}
	to := filepath.Join(t.TempDir(), "exported")
	command.Good(t, run(with, "export", second, to, "--secrets", "include"))
	text, err := os.ReadFile(filepath.Join(to, "namespaces/shop/secrets/move.yaml"))
	if err != nil || !strings.Contains(string(text), "aHVudGVyMg==") {
		t.Errorf("the Secret is exported as\n%s(%v)", text, err)
	}
	o = run(below, "export", second, filepath.Join(t.TempDir(), "without"), "--secrets", "include")
	if o.Code != 1 || !strings.Contains(o.Stdout+o.Stderr, "encrypted") {
		t.Errorf("exported without the keys: exit %d\n%s%s", o.Code, o.Stdout, o.Stderr)
	}
}

// liveDiff runs where the API server can be reached.
func (p *place) liveDiff(t *testing.T, snap string, flags ...string) {
	live := func() command.Outcome {
		args := []string{"manifests", "diff", snap, "live", "-n", "shop", "--kubeconfig", p.node.Kubeconfig()}
		return command.RunOn(t, p.node, append(args, flags...)...)
	}
	const nothing = "3 the same, 0 added, 0 removed, 0 changed, 0 failed"
	if o := live(); o.Code != 0 || o.Stdout != "" || !strings.HasPrefix(o.Stderr, nothing) {
		t.Errorf("nothing moved: exit %d\n%s%s", o.Code, o.Stdout, o.Stderr)
	}
	p.patch(t, configMaps, "shop", "c", `{"data":{"k":"moved"}}`)
	p.remove(t, secrets, "shop", "move")
	o := live()
	if o.Code != 1 || !strings.Contains(o.Stdout, "\n-  k: new\n+  k: moved\n") || strings.Contains(o.Stdout, "aHVudGVy") ||
		!strings.HasPrefix(o.Stderr, "1 the same, 0 added, 1 removed, 1 changed, 0 failed") {
		t.Errorf("exit %d\n%s%s", o.Code, o.Stdout, o.Stderr)
	}
}
