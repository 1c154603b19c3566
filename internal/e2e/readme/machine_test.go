package readme

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/clustersnap/clustersnap/internal/e2e/bed"
	"github.com/clustersnap/clustersnap/internal/e2e/kubecluster"
	"github.com/clustersnap/clustersnap/internal/e2e/peers"
)

// machine is where commands run.
type machine struct {
	dir   string // in which they run, as they see it
	files string // the same, as the test sees it
	enter func(ctx context.Context, args ...string) *exec.Cmd
	node  *kubecluster.Node // nil if it is none
}

// author is whose commits are, and where commands of the desk are found by their names.
var author = []string{"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.org", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.org"}

// shell is a command that runs text in the machine's folder.
func (m *machine) shell(ctx context.Context, text string) *exec.Cmd {
	cmd := m.enter(ctx, "bash", "-euxo", "pipefail", "-c", "cd "+m.dir+"\n"+text)
	if cmd.Env == nil {
		cmd.Env = os.Environ()
	}
	cmd.Env = append(cmd.Env, author...)
	return cmd
}

// desk is a fresh clone. What git knows of and has not committed is in it.
func desk(t testing.TB) *machine {
	t.Helper()
	clone := filepath.Join(t.TempDir(), "clustersnap")
	git(t, "clone", "--quiet", repository(), clone)
	changes := filepath.Join(t.TempDir(), "changes")
	git(t, "-C", repository(), "diff", "--binary", "--output="+changes, "HEAD")
	git(t, "-C", clone, "apply", "--allow-empty", changes)
	path := "PATH=" + filepath.Join(clone, "bin") + ":" + stock(t) + ":" + os.Getenv("PATH")
	return &machine{dir: clone, files: clone, enter: func(ctx context.Context, args ...string) *exec.Cmd {
		cmd := exec.CommandContext(ctx, args[0], args[1:]...)
		cmd.Env = append(os.Environ(), path)
		return cmd
	}}
}

func git(t testing.TB, args ...string) {
	t.Helper()
	if out, err := exec.Command("git", args...).CombinedOutput(); err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// stock is a folder with programs that a machine of the README has.
func stock(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	for name, program := range map[string]peers.Program{
		"age": peers.Age, "age-keygen": peers.AgeKeygen, "etcdutl": peers.EtcdUtl37, "kubectl": peers.Kubectl,
	} {
		must(t, os.Symlink(program.Path(t), filepath.Join(dir, name)))
	}
	return dir
}

// ofNode is a node of a cluster. The folder has what is copied there, and outlives a power cut.
func ofNode(n *kubecluster.Node) *machine {
	return &machine{dir: "/opt", files: filepath.Join(n.Root, "opt"), enter: n.Enter, node: n}
}

// ofControlPlane is the network of a control plane alone, with its kubeconfig.
func ofControlPlane(t testing.TB, n *bed.Node) *machine {
	t.Helper()
	dir := t.TempDir()
	path := "PATH=" + filepath.Join(dir, "bin") + ":" + stock(t) + ":" + os.Getenv("PATH")
	return &machine{dir: dir, files: dir, enter: func(_ context.Context, args ...string) *exec.Cmd {
		cmd := n.Enter(t, args...)
		cmd.Env = append(os.Environ(), path, "KUBECONFIG="+n.Kubeconfig())
		return cmd
	}}
}

// carry copies files to the same place in another machine's folder.
func carry(from, to *machine, names []string) error {
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(from.files, name))
		if err == nil {
			err = os.MkdirAll(filepath.Join(to.files, filepath.Dir(name)), 0o755)
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(to.files, name), text, 0o700)
		}
		if err != nil {
			return errors.Join(errors.New("carry "+name), err)
		}
	}
	return nil
}
