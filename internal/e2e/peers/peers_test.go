package peers

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// printed is how each program is asked for its version and how its answer begins, %s standing for the digits.
var printed = map[string]struct{ args, answer string }{
	"etcd":                    {"--version", "etcd Version: %s\n"},
	"etcdctl":                 {"version", "etcdctl version: %s\n"},
	"etcdutl":                 {"version", "etcdutl version: %s\n"},
	"kubeadm":                 {"version -o short", "v%s\n"},
	"kubectl":                 {"version --client", "Client Version: v%s\n"},
	"kubelet":                 {"--version", "Kubernetes v%s\n"},
	"kube-apiserver":          {"--version", "Kubernetes v%s\n"},
	"kube-controller-manager": {"--version", "Kubernetes v%s\n"},
	"kube-scheduler":          {"--version", "Kubernetes v%s\n"},
	"kube-proxy":              {"--version", "Kubernetes v%s\n"},
	"snapshot-controller":     {"--version", "snapshot-controller v%s\n"},
	"csi-snapshotter":         {"--version", "csi-snapshotter v%s\n"},
	"age":                     {"--version", "v%s\n"},
	"age-keygen":              {"--version", "v%s\n"},
	"versitygw":               {"--version", "Version  : v%s\n"},
}

// run gives what program prints.
func run(t *testing.T, program string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), program, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", program, strings.Join(args, " "), err, out)
	}
	return string(out)
}

func TestEveryProgramPrintsItsVersion(t *testing.T) {
	for p := range All() {
		t.Run(p.String(), func(t *testing.T) {
			says, ok := printed[sources[p].name]
			if !ok {
				t.Fatalf("the table printed does not say how %v prints its version: add its line", p)
			}
			want := fmt.Sprintf(says.answer, strings.TrimPrefix(sources[p].version(), "v"))
			program := p.Path(t)
			got := run(t, program, strings.Fields(says.args)...)
			got = strings.TrimPrefix(got, filepath.Dir(program)+"/") // some say how they were called
			if !strings.HasPrefix(got, want) {
				t.Errorf("%v prints %q, want it to begin with %q", p, got, want)
			}
		})
	}
}

func TestNamesSayTheMinorVersion(t *testing.T) {
	for p, want := range map[Program]string{
		Etcd35: "etcd v3.5.", EtcdCtl35: "etcdctl v3.5.", EtcdUtl35: "etcdutl v3.5.",
		Etcd36: "etcd v3.6.", EtcdCtl36: "etcdctl v3.6.", EtcdUtl36: "etcdutl v3.6.",
		Etcd37: "etcd v3.7.", EtcdCtl37: "etcdctl v3.7.", EtcdUtl37: "etcdutl v3.7.",
	} {
		if !strings.HasPrefix(p.String(), want) {
			t.Errorf("a program named for %sx is %v", want, p)
		}
	}
}

// provide is Path with a cache of the test's own.
func provide(t *testing.T, p Program, cache string) string {
	t.Helper()
	program, err := sources[p].provide(t.Context(), cache)
	if err != nil {
		t.Fatal(err)
	}
	return program
}

func TestDamagedProgramIsBuiltAgain(t *testing.T) {
	cache := t.TempDir()
	program := provide(t, AgeKeygen, cache)
	sound, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	flipped := bytes.Clone(sound)
	flipped[len(flipped)/2] ^= 1

	for _, damage := range []struct {
		name string
		do   func() error
	}{
		{"missing", func() error { return os.Remove(program) }},
		{"empty", func() error { return os.Truncate(program, 0) }},
		{"truncated", func() error { return os.Truncate(program, int64(len(sound)-1)) }},
		{"one bit flipped", func() error { return os.WriteFile(program, flipped, 0o755) }},
		{"not executable", func() error { return os.Chmod(program, 0o644) }},
		{"digest missing", func() error { return os.Remove(note(program)) }},
		{"digest truncated", func() error { return os.Truncate(note(program), 8) }},
		{"build killed half way", func() error {
			half := filepath.Join(filepath.Dir(program), "build", "go.mod")
			return errors.Join(os.Remove(program), os.Mkdir(filepath.Dir(half), 0o755), os.WriteFile(half, nil, 0o444))
		}},
	} {
		t.Run(damage.name, func(t *testing.T) {
			if err := damage.do(); err != nil {
				t.Fatal(err)
			}
			if again := provide(t, AgeKeygen, cache); again != program {
				t.Errorf("the path moved from %s to %s", program, again)
			}
			if again, err := os.ReadFile(program); err != nil || !bytes.Equal(again, sound) {
				t.Errorf("after the damage the file is not what was built first (read error: %v)", err)
			}
			run(t, program, "--version")
		})
	}
}

func TestConcurrentCallersShareOneBuild(t *testing.T) {
	cache := t.TempDir()
	const callers = 4
	var files [callers]os.FileInfo
	var group sync.WaitGroup
	for i := range callers {
		group.Go(func() {
			program, err := sources[AgeKeygen].provide(t.Context(), cache)
			if err == nil {
				files[i], err = os.Stat(program)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if t.Failed() {
		return
	}
	// A second build would have put another file in the place of the first.
	last, err := os.Stat(provide(t, AgeKeygen, cache))
	if err != nil {
		t.Fatal(err)
	}
	for i, file := range files {
		if !os.SameFile(file, last) {
			t.Errorf("caller %d was given a file that was replaced later", i)
		}
	}
}

func TestBuildIgnoresTheFlagsOfTheCaller(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("GOFLAGS", "-mod=vendor")
	t.Setenv("GOWORK", filepath.Join(cache, "go.work")) // there is none
	run(t, provide(t, Age, cache), "--version")
}

func TestFailedBuildSaysWhatTheGoCommandSaid(t *testing.T) {
	cache := t.TempDir()
	broken := sources[Age]
	broken.main = "filippo.io/age/cmd/age-of-empires"
	for range 2 { // the first failure must not look like a built program to the second call
		_, err := broken.provide(t.Context(), cache)
		if err == nil {
			t.Fatal("a program that does not exist was provided")
		}
		for _, want := range []string{broken.main, broken.release, "cannot find module providing package"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("the error does not say %q: %v", want, err)
			}
		}
	}
}
