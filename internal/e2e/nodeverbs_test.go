package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/kubeadm"
)

// What a node says of itself is there also when nothing of it runs.
func TestDiscover(t *testing.T) {
	node := startNode(t)
	if err := node.Close(); err != nil {
		t.Fatal(err)
	}
	o := command.Good(t, command.Run(t, "", "discover", "--root", node.Root))
	for _, want := range []string{
		node.Endpoint, "etcd --listen-client-urls", "/var/lib/etcd", "etcd --data-dir",
		"/etc/kubernetes/pki/etcd/healthcheck-client.crt", "kube-apiserver --etcd-servers",
		"next: clustersnap backup --root " + node.Root,
	} {
		if !strings.Contains(o.Stdout, want) {
			t.Errorf("it does not say %q:\n%s", want, o.Stdout)
		}
	}
	var told kubeadm.Node
	if err := json.Unmarshal([]byte(command.Run(t, "", "discover", "--root", node.Root, "-o", "json").Stdout), &told); err != nil {
		t.Fatal(err)
	}
	if told.Etcd.DataDir.Value != "/var/lib/etcd" || told.Etcd.DataDir.Source.Key != "--data-dir" {
		t.Errorf("as JSON: %+v", told.Etcd.DataDir)
	}

	for _, lost := range []string{"healthcheck-client", "ca"} { // first another one takes its place
		cert := filepath.Join(node.Root, "etc/kubernetes/pki/etcd", lost+".crt")
		if err := os.WriteFile(cert, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		o := command.Run(t, "", "discover", "--root", node.Root)
		if lost != "ca" {
			if command.Good(t, o); !strings.Contains(o.Stdout, "note      passed over: ") {
				t.Errorf("it does not say why it takes another credential:\n%s", o.Stdout)
			}
			continue
		}
		command.Bad(t, o, 1, "no credential for etcd", "etc/kubernetes/pki/etcd/ca.crt")
		if !strings.Contains(o.Stdout, "/var/lib/etcd") {
			t.Errorf("the rest is not there:\n%s", o.Stdout)
		}
		command.Bad(t, command.Run(t, "", "discover", "--root", node.Root, "-o", "json"), 1, "no credential for etcd")
	}
	command.Bad(t, command.Run(t, "", "discover", "--root", t.TempDir()), 1, "etc/kubernetes/manifests")
}

// The files of a node are sealed, checked and opened without its etcd, and those in a set, too.
func TestPKI(t *testing.T) {
	node, set, recipient, key := backedUp(t)
	if err := node.Close(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	sealed := filepath.Join(dir, "cp1.pki.age")
	collect := func(to string) command.Outcome {
		return command.Run(t, "", "pki", "collect", "--root", node.Root, "--to", to, "--recipient", recipient)
	}
	collected := command.Good(t, collect(sealed))
	digest := ""
	for line := range strings.Lines(collected.Stdout) {
		if name, value, _ := strings.Cut(line, " "); name == "digest" {
			digest = strings.TrimSpace(value)
		}
	}
	want, err := os.ReadFile(filepath.Join(node.Root, "etc/kubernetes/pki/ca.crt"))
	if err != nil {
		t.Fatal(err)
	}
	secret, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	for i, file := range []string{sealed, set} {
		o := command.Good(t, command.Run(t, "", "pki", "check", file, "--identity", key))
		if !strings.Contains(o.Stdout, "verdict   full: ") {
			t.Errorf("%s is not full:\n%s", file, o.Stdout)
		}
		to := filepath.Join(dir, "tree"+string(rune('a'+i)))
		command.Good(t, command.Run(t, string(secret), "pki", "open", file, "--identity", "-", "--to", to))
		got, err := os.ReadFile(filepath.Join(to, "etc/kubernetes/pki/ca.crt"))
		if err != nil || string(got) != string(want) {
			t.Errorf("ca.crt from %s is another one (%v)", file, err)
		}
		command.Bad(t, command.Run(t, "", "pki", "open", file, "--identity", key, "--to", to), 1, to, "exist")
		wrong := strings.Repeat("0", len(digest))
		command.Bad(t, command.Run(t, "", "pki", "check", file, "--identity", key, "--digest", wrong), 1, file, "digest")
	}
	command.Good(t, command.Run(t, "", "pki", "check", sealed, "--identity", key, "--digest", digest))
	command.Good(t, command.Run(t, "", "pki", "check", "--root", node.Root))
	command.Bad(t, collect(sealed), 1, sealed, "exist")
	_, other := command.KeyPair(t)
	nowhere := filepath.Join(dir, "nowhere")
	command.Bad(t, command.Run(t, "", "pki", "open", sealed, "--identity", other, "--to", nowhere), 1, "identity does not fit")
	whole, err := os.ReadFile(sealed)
	if err != nil {
		t.Fatal(err)
	}
	for name, damaged := range map[string][]byte{"cut": whole[:len(whole)/2], "flipped": flipped(whole), "empty": nil} {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		command.Bad(t, command.Run(t, "", "pki", "open", file, "--identity", key, "--to", nowhere), 1, file, "another copy")
	}
	if _, err := os.Lstat(nowhere); err == nil {
		t.Error("something was extracted")
	}

	// A key that is none, and then a file that is not there.
	broken := filepath.Join(node.Root, "etc/kubernetes/pki/sa.key")
	right, err := os.ReadFile(broken)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(broken, []byte("none\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	o := command.Run(t, "", "pki", "check", "--root", node.Root)
	command.Bad(t, o, 1, "1 finding fatal")
	if !strings.Contains(o.Stdout, "fatal     etc/kubernetes/pki/sa.key: ") {
		t.Errorf("it is not said of which file:\n%s", o.Stdout)
	}
	bad := filepath.Join(dir, "bad.age")
	command.Bad(t, collect(bad), 1, bad+" is written")
	command.Bad(t, command.Run(t, "", "pki", "check", bad, "--identity", key, "-o", "json"), 1, "not good")
	if err := os.WriteFile(broken, right, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(node.Root, "etc/kubernetes/pki/etcd/ca.key")); err != nil {
		t.Fatal(err)
	}
	o = command.Run(t, "", "pki", "check", "--root", node.Root)
	command.Bad(t, o, 1, "1 file missing, 0 findings fatal")
	if !strings.Contains(o.Stdout, "missing   etcd-ca-key etc/kubernetes/pki/etcd/ca.key: ") {
		t.Errorf("it is not said which file:\n%s", o.Stdout)
	}
}

// flipped has a bit of the middle changed.
func flipped(b []byte) []byte {
	b = append([]byte(nil), b...)
	b[len(b)/2] ^= 1
	return b
}

func TestNodeVerbsUsage(t *testing.T) {
	recipient, _ := command.KeyPair(t)
	for _, c := range []struct{ args, says string }{
		{"pki", "subcommand"},
		{"pki collect --to x", "--recipient"},
		{"pki collect --recipient KEY", "--to FILE"},
		{"pki collect --to - --recipient KEY", "--to FILE"},
		{"pki check", "--root DIR"},
		{"pki check x --root /", "--root DIR"},
		{"pki check x", "--identity"},
		{"pki check --root / --identity x", "--identity"},
		{"pki open x --identity y", "--to DIR"},
		{"pki open x --to y", "--identity"},
		{"pki open --to y --identity z", "FILE"},
		{"discover x", "x"},
		{"cronjob", "--image"},
		{"cronjob --image x", "--schedule"},
		{"cronjob --image x --schedule S --job", "--job"},
		{"cronjob --image x --job", "--host-path"},
		{"cronjob --image x --job --host-path /b --to s3://b/c/", "--host-path"},
		{"cronjob --image x --job --host-path /b", "--recipient"},
		{"cronjob --image x --job --host-path /b --secret s", "--secret"},
		{"cronjob --image x --job --to file:///b/", "--host-path"},
		{"cronjob --image x --job --to s3://b/c/x.clustersnap?region=r", "folder"},
		{"cronjob --image x --job --to s3://user:word@b/c/", "password"},
	} {
		args := strings.Fields(strings.ReplaceAll(c.args, "KEY", recipient))
		o := command.Run(t, "", args...)
		if command.Bad(t, o, 2, c.says); o.Code != 2 || !strings.Contains(o.Stderr, c.says) {
			t.Logf("this was clustersnap %s", c.args)
		}
	}
	noNode := []string{"cronjob", "--root", t.TempDir(), "--image", "x", "--job", "--host-path", "/b", "--recipient", recipient}
	command.Bad(t, command.Run(t, "", noNode...), 1, "etc/kubernetes/manifests")
}
