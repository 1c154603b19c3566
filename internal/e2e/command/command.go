// Package command builds and runs the clustersnap command for tests, and says what a user sees of it.
package command

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"

	"filippo.io/age"

	"github.com/clustersnap/clustersnap/internal/e2e/faults"
)

// Outcome is what a user sees of a command.
type Outcome struct {
	Code           int
	Stdout, Stderr string
}

var built struct {
	once sync.Once
	dir  string
	err  error
}

// Main runs the tests of a package, in a mount namespace of their own, and removes what [Path] has built: call
// it from TestMain.
func Main(m *testing.M) {
	faults.Main(m, func() { os.RemoveAll(built.dir) })
}

// Path builds the command once, for everybody to execute.
func Path(t testing.TB) string {
	t.Helper()
	program := func() string { return filepath.Join(built.dir, "clustersnap") }
	built.once.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "clustersnap-command-"); built.err != nil {
			return
		}
		_, here, _, _ := runtime.Caller(0)
		built.err = errors.Join(
			os.Chmod(built.dir, 0o755),
			build(filepath.Join(filepath.Dir(here), "../../../examples"), program(), "./clustersnap"),
		)
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return program()
}

// Build builds a package of the module at dir to a program of its name, which goes with the test.
func Build(t testing.TB, dir, pkg string) (program string) {
	t.Helper()
	program = filepath.Join(t.TempDir(), filepath.Base(pkg))
	if err := build(dir, program, pkg); err != nil {
		t.Fatal(err)
	}
	return program
}

func build(dir, program, pkg string) error {
	if out, err := exec.Command("go", "build", "-C", dir, "-o", program, pkg).CombinedOutput(); err != nil {
		return errors.New("build " + pkg + ": " + err.Error() + "\n" + string(out))
	}
	return nil
}

// Run runs the command with stdin, which may be empty.
func Run(t testing.TB, stdin string, args ...string) Outcome {
	t.Helper()
	return RunAs(t, nil, stdin, args...)
}

// RunAs runs it as somebody else.
func RunAs(t testing.TB, who *syscall.Credential, stdin string, args ...string) Outcome {
	t.Helper()
	cmd := exec.Command(Path(t), args...)
	cmd.Stdin, cmd.SysProcAttr = strings.NewReader(stdin), &syscall.SysProcAttr{Credential: who}
	return Of(t, cmd, cmd.Run)
}

// RunOn runs it on a node of the test bed, which is in the node's network.
func RunOn(t testing.TB, node interface{ Run(*exec.Cmd) error }, args ...string) Outcome {
	t.Helper()
	cmd := exec.Command(Path(t), args...)
	return Of(t, cmd, func() error { return node.Run(cmd) })
}

// Of is the outcome of cmd once run has run it.
func Of(t testing.TB, cmd *exec.Cmd, run func() error) Outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := run()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return Outcome{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// Good ends the test unless the command succeeded, said so, and said nothing else.
func Good(t testing.TB, o Outcome) Outcome {
	t.Helper()
	if o.Code != 0 || o.Stderr != "" || !strings.Contains(o.Stdout, "good") {
		t.Fatalf("exit %d\n%s%s", o.Code, o.Stdout, o.Stderr)
	}
	return o
}

// Bad holds that a command failed with one sentence that contains all of says.
func Bad(t testing.TB, o Outcome, code int, says ...string) {
	t.Helper()
	if o.Code != code {
		t.Errorf("exit %d, want %d", o.Code, code)
	}
	lines := strings.Split(strings.TrimSpace(o.Stderr), "\n")
	if code == 2 && strings.HasPrefix(lines[len(lines)-1], "Try ") {
		lines = lines[:len(lines)-1]
	}
	if len(lines) != 1 || !strings.HasPrefix(lines[0], "clustersnap: ") {
		t.Errorf("%d lines of error, want one", len(lines))
	}
	for _, s := range says {
		if !strings.Contains(o.Stderr, s) {
			t.Errorf("the error does not say %q", s)
		}
	}
	if strings.Contains(o.Stdout, "good") {
		t.Error("and it says good")
	}
	if t.Failed() {
		t.Logf("%s%s", o.Stdout, o.Stderr)
	}
}

// KeyPair makes an age identity: its recipient, and a file with the secret key.
func KeyPair(t testing.TB) (recipient, file string) {
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
