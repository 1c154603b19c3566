package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// program is the probe, which TestMain builds.
var program string

func TestMain(m *testing.M) {
	os.Exit(built(m))
}

func built(m *testing.M) int {
	dir, err := os.MkdirTemp("", "clustersnap-probe-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "probe")
	build := exec.Command("go", "build", "-o", program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build the probe: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// groupsBefore are the control groups of other probes, such as one that was killed.
var groupsBefore []string

func controlGroups(t *testing.T) []string {
	t.Helper()
	var found []string
	for _, pattern := range []string{"/sys/fs/cgroup/clustersnap-probe-*", "/sys/fs/cgroup/*/clustersnap-probe-*"} { // v2, v1
		groups, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, groups...)
	}
	return found
}

// probe gives a command that runs the probe with a temporary directory of its own.
func probe(t *testing.T) (cmd *exec.Cmd, tmp string) {
	t.Helper()
	groupsBefore = controlGroups(t)
	tmp = t.TempDir()
	cmd = exec.Command(program)
	cmd.Env = append(os.Environ(), "TMPDIR="+tmp)
	return cmd, tmp
}

// traces are the processes and mounts that a probe with this temporary directory has left.
func traces(t *testing.T, tmp string) (found []string) {
	t.Helper()
	environments, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range environments {
		if b, _ := os.ReadFile(name); bytes.Contains(b, []byte("TMPDIR="+tmp+"\x00")) {
			found = append(found, "process "+filepath.Dir(name))
		}
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(mounts, []byte(tmp)) {
		found = append(found, "a mount")
	}
	return found
}

// clean holds that an orderly end leaves nothing.
func clean(t *testing.T, tmp string) {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(tmp, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, group := range controlGroups(t) {
		if !slices.Contains(groupsBefore, group) {
			left = append(left, group)
		}
	}
	for _, trace := range append(left, traces(t, tmp)...) {
		t.Error("left behind: ", trace)
	}
}

func TestAllPartsWorkHere(t *testing.T) {
	cmd, tmp := probe(t)
	out, err := cmd.CombinedOutput()
	if n := strings.Count(string(out), "works: "); err != nil || n != 6 {
		t.Errorf("%d parts work, want 6: %v\n%s", n, err, out)
	}
	clean(t, tmp)
}

func TestMissingProgramIsNamed(t *testing.T) {
	for _, missing := range needed {
		cmd, tmp := probe(t)
		path := t.TempDir()
		for _, program := range needed {
			found, err := exec.LookPath(program)
			if err != nil {
				t.Fatal(err)
			}
			if program != missing {
				if err := os.Symlink(found, filepath.Join(path, program)); err != nil {
					t.Fatal(err)
				}
			}
		}
		cmd.Env = append(cmd.Env, "PATH="+path)
		fails(t, cmd, "programs: not installed: "+missing+"; apt-get install")
		clean(t, tmp)
	}
}

func TestBrokenPartIsNamed(t *testing.T) {
	for part, broken := range map[string]string{
		"network namespaces, veth, bridge": "ip",
		"iptables with nat":                "iptables",
		"containerd and runc":              "runc",
	} {
		cmd, tmp := probe(t)
		replace(t, cmd, broken, "echo out of order; exit 7")
		fails(t, cmd, part+": ")
		clean(t, tmp)
	}
}

// fails holds that the probe exits with 1 and one sentence that contains want.
func fails(t *testing.T, cmd *exec.Cmd, want string) {
	t.Helper()
	var stderr strings.Builder
	cmd.Stderr = &stderr
	cmd.Run()
	said := stderr.String()
	if cmd.ProcessState.ExitCode() != 1 || strings.Count(said, "\n") != 1 || !strings.HasPrefix(said, "probe: "+want) {
		t.Errorf("%v: %q, want exit status 1 and one sentence that begins with %q", cmd.ProcessState, said, "probe: "+want)
	}
}

// A probe that is held up at its last part, with containerd and a shim running.
func TestInterrupted(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGKILL} {
		cmd, tmp := probe(t)
		replace(t, cmd, "runc", "echo held up > "+tmp+"/runc; exec tail -f /dev/null")
		held := filepath.Join(tmp, "runc")
		if err := syscall.Mkfifo(held, 0o600); err != nil {
			t.Fatal(err)
		}
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := os.ReadFile(held); err != nil {
			t.Error(err)
		}
		if err := errors.Join(os.Remove(held), cmd.Process.Signal(signal)); err != nil {
			t.Error(err)
		}
		io.Copy(io.Discard, stdout) // until nobody holds it any more
		if err := cmd.Wait(); err == nil {
			t.Errorf("%v: exit status 0", signal)
		}
		if signal != syscall.SIGKILL {
			clean(t, tmp)
			continue
		}
		for len(traces(t, tmp)) > 0 { // the kernel is still at it: the test's own limit ends this
		}
	}
}

// replace lets cmd find a shell script under the name of a program.
func replace(t *testing.T, cmd *exec.Cmd, program, script string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, program), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	cmd.Env = append(cmd.Env, "PATH="+dir+":"+os.Getenv("PATH"))
}
