package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/clustersnap/clustersnap/internal/e2e/command"
)

// setOf backs a node up, and says where the set is and whose key opens it.
func setOf(t testing.TB, root string) (set, key string) {
	t.Helper()
	recipient, key := command.KeyPair(t)
	set = filepath.Join(t.TempDir(), "cp1.clustersnap")
	command.Good(t, command.Run(t, "", "backup", "--etcd-only", "--root", root, "--to", set, "--recipient", recipient))
	return set, key
}

// What reads a snapshot reads the one of a backup, from a file and from a store, and leaves none of it on the disk.
func TestSetsAreSources(t *testing.T) {
	node := startNode(t)
	set, key := setOf(t, node.Root)
	folder := t.TempDir()
	recipient, other := command.KeyPair(t)
	stored := command.Good(t, command.Run(t, "", "backup", "--etcd-only", "--root", node.Root, "--to", "file://"+folder+"/",
		"--recipient", recipient))
	url := strings.Fields(stored.Stdout[strings.Index(stored.Stdout, "clustersnap verify "):])[2]
	snapshot := filepath.Join(t.TempDir(), "etcd.snap")
	saved := command.Good(t, command.Run(t, "", "etcd", "save", "--endpoints", node.Endpoint, "--to", snapshot,
		"--cacert", filepath.Join(node.Root, "etc/kubernetes/pki/etcd/ca.crt"),
		"--cert", filepath.Join(node.Root, "etc/kubernetes/pki/etcd/healthcheck-client.crt"),
		"--key", filepath.Join(node.Root, "etc/kubernetes/pki/etcd/healthcheck-client.key")))
	if saved.Code != 0 {
		t.Fatal(saved.Stderr)
	}
	scratch := t.TempDir()
	named := aConfigMap(t, snapshot)
	for _, args := range [][]string{
		{"ls"}, {"get", named}, {"history", named}, {"etcd", "top"},
	} {
		verb, rest := args[:1], args[1:]
		if verb[0] == "etcd" {
			verb, rest = args, nil
		}
		want := ofSource(t, verb, snapshot, rest)
		if got := ofSource(t, verb, set, rest, "--identity", key, "--scratch", scratch); got != want {
			t.Errorf("%v of a backup prints\n%.500s\nand of its snapshot\n%.500s", args, got, want)
		}
		if got := ofSource(t, verb, url, rest, "--identity", other, "--scratch", scratch); got != want {
			t.Errorf("%v of a stored backup prints\n%.500s\nand of its snapshot\n%.500s", args, got, want)
		}
	}
	o := command.Run(t, "", "manifests", "diff", set, snapshot, "--identity", key, "--scratch", scratch)
	if o.Code != 0 || !strings.Contains(o.Stderr, " 0 added, 0 removed, 0 changed, 0 failed") {
		t.Errorf("a backup differs from its snapshot: exit %d\n%s%s", o.Code, o.Stdout, o.Stderr)
	}
	exported := filepath.Join(t.TempDir(), "objects")
	command.Good(t, command.Run(t, "", "export", set, exported, "--identity", key, "--scratch", scratch))
	if _, err := os.Stat(filepath.Join(exported, "index.json")); err != nil {
		t.Error(err)
	}
	empty(t, scratch)
}

// aConfigMap is KIND/NAME of one that is the only one of its name.
func aConfigMap(t testing.TB, source string) string {
	t.Helper()
	times, name := map[string]int{}, ""
	for line := range strings.Lines(command.Run(t, "", "ls", source, "configmaps", "-o", "json").Stdout) {
		var e struct{ Name string }
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		times[e.Name]++
	}
	for n, is := range times {
		if is == 1 && (name == "" || n < name) {
			name = n
		}
	}
	if name == "" {
		t.Fatalf("no ConfigMap has a name of its own: %v", times)
	}
	return "configmap/" + name
}

// ofSource is what a verb prints of a source, without the size of its file.
func ofSource(t testing.TB, verb []string, source string, rest []string, flags ...string) string {
	t.Helper()
	args := append(append(append(append([]string{}, verb...), source), rest...), flags...)
	o := command.Run(t, "", args...)
	if o.Code != 0 || o.Stderr != "" || o.Stdout == "" {
		t.Fatalf("%v: exit %d\n%s", args, o.Code, o.Stderr)
	}
	return o.Stdout
}

// Who has not the key, or not the room, is told so.
func TestSetsAreSourcesMistakes(t *testing.T) {
	node := startNode(t)
	set, key := setOf(t, node.Root)
	_, stranger := command.KeyPair(t)
	command.Bad(t, command.Run(t, "", "ls", set), 2, "it is an encrypted backup: give --identity FILE")
	command.Bad(t, command.Run(t, "", "ls", set, "--identity", stranger), 1, "the identity does not fit")
	command.Bad(t, command.Run(t, "", "get", set, "configmap/x", "--identity", key, "--scratch", "/nosuch"), 2, "how --scratch is written")
	cut := filepath.Join(t.TempDir(), "cut")
	whole, err := os.ReadFile(set)
	if err == nil {
		err = os.WriteFile(cut, whole[:len(whole)/2], 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	command.Bad(t, command.Run(t, "", "etcd", "top", cut, "--identity", key), 1, "cut short")
	if o := command.Run(t, "", "recover", set, "--all", "--identity", key, "--kubeconfig", "/nosuch"); o.Code != 2 ||
		!strings.Contains(o.Stderr, "kubeconfig") {
		t.Errorf("recover reads no backup: exit %d\n%s", o.Code, o.Stderr)
	}
}
