package e2e

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"filippo.io/age"

	"github.com/clustersnap/clustersnap/examples/demonode"
)

// goBuild builds a package of the module at dir.
func goBuild(t testing.TB, dir, program, pkg string) {
	t.Helper()
	if out, err := exec.Command("go", "build", "-C", dir, "-o", program, pkg).CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", pkg, err, out)
	}
}

var cli struct {
	once sync.Once
	dir  string
}

func TestMain(m *testing.M) {
	code := m.Run()
	os.RemoveAll(cli.dir)
	os.Exit(code)
}

// cliPath builds the clustersnap command once. Everybody may execute it.
func cliPath(t testing.TB) string {
	t.Helper()
	cli.once.Do(func() {
		dir, err := os.MkdirTemp("", "clustersnap-e2e-")
		if err != nil {
			t.Fatal(err)
		}
		cli.dir = dir
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		goBuild(t, "../../examples", filepath.Join(dir, "clustersnap"), "./clustersnap")
	})
	return filepath.Join(cli.dir, "clustersnap")
}

// outcome is what a user sees of a command.
type outcome struct {
	code           int
	stdout, stderr string
}

// run runs the clustersnap command, with stdin if that is not empty.
func run(t testing.TB, stdin string, args ...string) outcome {
	t.Helper()
	return runAs(t, nil, stdin, args...)
}

func runAs(t testing.TB, who *syscall.Credential, stdin string, args ...string) outcome {
	t.Helper()
	cmd := exec.Command(cliPath(t), args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &stdout, &stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: who}
	err := cmd.Run()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return outcome{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

func good(t testing.TB, o outcome) outcome {
	t.Helper()
	if o.code != 0 || o.stderr != "" || !strings.Contains(o.stdout, "good") {
		t.Fatalf("exit %d\n%s%s", o.code, o.stdout, o.stderr)
	}
	return o
}

// bad holds that a command failed with one sentence that contains all of says.
func bad(t testing.TB, o outcome, code int, says ...string) {
	t.Helper()
	if o.code != code {
		t.Errorf("exit %d, want %d", o.code, code)
	}
	lines := strings.Split(strings.TrimSpace(o.stderr), "\n")
	if code == 2 && strings.HasPrefix(lines[len(lines)-1], "Try ") {
		lines = lines[:len(lines)-1]
	}
	if len(lines) != 1 || !strings.HasPrefix(lines[0], "clustersnap: ") {
		t.Errorf("%d lines of error, want one", len(lines))
	}
	for _, s := range says {
		if !strings.Contains(o.stderr, s) {
			t.Errorf("the error does not say %q", s)
		}
	}
	if strings.Contains(o.stdout, "good") {
		t.Error("and it says good")
	}
	if t.Failed() {
		t.Logf("%s%s", o.stdout, o.stderr)
	}
}

// keyPair makes an age identity: its recipient, and a file with the secret key.
func keyPair(t testing.TB) (recipient, file string) {
	t.Helper()
	identity, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "key.txt")
	if err := os.WriteFile(file, []byte(identity.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return identity.Recipient().String(), file
}

// startNode starts a kubeadm-shaped node, which the test stops.
func startNode(t testing.TB) *demonode.Node {
	t.Helper()
	node, err := demonode.Start(context.Background(), t.TempDir(), 500)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := node.Close(); err != nil {
			t.Error(err)
		}
	})
	return node
}

// empty holds that nothing is left in dir, hidden files included.
func empty(t testing.TB, dir string) {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		t.Errorf("left behind in %s: %s", dir, e.Name())
	}
}
