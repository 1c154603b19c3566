package snapshots

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/internal/e2e/etcdbed"
)

// flags are those of clustersnap etcd save for a cluster.
func flags(c *etcdbed.Cluster, to string) []string {
	return []string{"etcd", "save", "--endpoints", strings.Join(c.Endpoints(), ","), "--cacert", c.CA, "--cert", c.Cert, "--key", c.Key, "--to", to}
}

func TestCommand(t *testing.T) {
	c := etcdbed.Start(t, etcdbed.Options{Members: 3})
	fill(t, c.Client(t), large)
	m := c.Members[0]
	dir := t.TempDir()
	path := filepath.Join(dir, "etcd.snap")
	says(t, command.Good(t, command.Run(t, "", flags(c, path)...)), "keys, tree sound, digest right", "streamed")
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v (%v)", info.Mode(), err)
	}
	command.Bad(t, command.Run(t, "", flags(c, path)...), 1, path, "exists")
	says(t, command.Good(t, command.Run(t, "", "etcd", "verify", path)), "tree sound", "digest right")
	o := command.Run(t, "", "etcd", "info", path)
	if o.Code != 0 || o.Stderr != "" {
		t.Errorf("info: exit %d, %s", o.Code, o.Stderr)
	}
	says(t, o, "revision", "compacted up to", "3.7.0", "hash", "sha256", "pods", "configmaps")

	local := filepath.Join(dir, "local.snap")
	says(t, command.Good(t, command.Run(t, "", append(flags(c, local), "--data-dir", m.DataDir)...)), m.Endpoint, "read from its file")
	m.Kill(t)
	other := filepath.Join(dir, "other.snap")
	says(t, command.Good(t, command.Run(t, "", append(flags(c, other), "--data-dir", m.DataDir)...)), "refused", "connection refused", "streamed")
	stopped := filepath.Join(dir, "stopped.snap")
	says(t, command.Good(t, command.Run(t, "", "etcd", "save", "--stopped", "--data-dir", m.DataDir, "--to", stopped)), "behind")
	command.Good(t, command.Run(t, "", "etcd", "verify", stopped))
	command.Bad(t, command.Run(t, "", "etcd", "save", "--stopped", "--data-dir", c.Members[1].DataDir, "--to", filepath.Join(dir, "no.snap")), 1, "running")

	command.Bad(t, command.Run(t, "", "etcd", "verify", m.DB()), 1, m.DB(), "--no-digest")
	command.Good(t, command.Run(t, "", "etcd", "verify", "--no-digest", m.DB()))
	if err := os.Truncate(other, 1<<20); err != nil {
		t.Fatal(err)
	}
	command.Bad(t, command.Run(t, "", "etcd", "verify", other), 1, other, "ends after")
	command.Bad(t, command.Run(t, "", "etcd", "info", c.CA), 1, c.CA, "is it an etcd v3 snapshot?")
	for _, name := range []string{"no.snap", "other.snap.part"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			t.Errorf("%s is there", name)
		}
	}
}

func TestCommandWithAuthentication(t *testing.T) {
	c := etcdbed.Start(t, etcdbed.Options{})
	c.EnableAuth(t, "sesame")
	path, password := filepath.Join(t.TempDir(), "etcd.snap"), filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte("sesame\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	command.Bad(t, command.Run(t, "", flags(c, path)...), 1, "root role")
	command.Good(t, command.Run(t, "", append(flags(c, path), "--user", "root", "--password-file", password)...))
	says(t, command.Run(t, "", "etcd", "info", path), "auth")
}

func TestCommandUsage(t *testing.T) {
	for _, args := range [][]string{
		{"save"},
		{"save", "--to", "x"},
		{"save", "--endpoints", "https://127.0.0.1:1"},
		{"save", "--endpoints", "https://127.0.0.1:1", "--to", "-"},
		{"save", "--endpoints", "https://127.0.0.1:1", "--to", "x", "--cert", "y"},
		{"save", "--endpoints", "https://127.0.0.1:1", "--to", "x", "--user", "y"},
		{"save", "--stopped", "--to", "x"},
		{"save", "--stopped", "--to", "x", "--data-dir", "y", "--endpoints", "https://127.0.0.1:1"},
		{"verify"},
		{"verify", "a", "b"},
		{"info"},
	} {
		command.Bad(t, command.Run(t, "", append([]string{"etcd"}, args...)...), 2)
	}
	for _, verb := range []string{"save", "verify", "info"} {
		o := command.Run(t, "", "etcd", verb, "--help")
		for line := range strings.Lines(o.Stdout) {
			if len(line) > 81 {
				t.Errorf("%s: wider than a terminal: %s", verb, line)
			}
		}
	}
	for endpoint, want := range map[string]string{"https://127.0.0.1:1": "refused", "127.0.0.1:2379": "http"} {
		command.Bad(t, command.Run(t, "", "etcd", "save", "--endpoints", endpoint, "--to", filepath.Join(t.TempDir(), "x")), 1, endpoint, want)
	}
}

// says holds that a command printed all of wants.
func says(t *testing.T, o command.Outcome, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(o.Stdout, want) {
			t.Errorf("the command does not say %q:\n%s", want, o.Stdout)
		}
	}
}
