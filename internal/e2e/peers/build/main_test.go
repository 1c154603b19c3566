package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/clustersnap/clustersnap/internal/e2e/peers"
)

// asCommand in the environment makes the test program the command.
const asCommand = "PEERS_BUILD_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// wrapGo puts a shell script into the place of the go command. In the script, $GO is the real one.
func wrapGo(t *testing.T, script string) {
	t.Helper()
	stock, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	script = fmt.Sprintf("#!/bin/sh\nGO=%s\n%s\n", stock, script)
	if err := os.WriteFile(filepath.Join(dir, "go"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(filepath.ListSeparator)+os.Getenv("PATH"))
}

func TestOneProgramIsBuiltAtATime(t *testing.T) {
	compiled, err := exec.Command("go", "env", "GOCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOCACHE", strings.TrimSpace(string(compiled))) // whatever the cache of the programs is
	cache := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	log := filepath.Join(cache, "log")
	t.Setenv("LOG", log)
	wrapGo(t, `echo start >>$LOG; $GO "$@"; status=$?; echo end >>$LOG; exit $status`)

	var group sync.WaitGroup
	for _, p := range []peers.Program{peers.Age, peers.AgeKeygen} {
		group.Go(func() {
			if _, err := p.Build(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	got, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	if want := "start\nend\nstart\nend\n"; string(got) != want {
		t.Errorf("the builds of two programs ran as %q, want %q", got, want)
	}
}

func TestBuildEndsWithTheCommand(t *testing.T) {
	for _, c := range []struct {
		signal syscall.Signal
		flag   string // of go build
		says   string
		mayNot string // be in the entry of the cache afterwards
	}{
		{syscall.SIGTERM, "-v", "context canceled", "build"}, // -v says each package
		// Nobody is left to remove the folder: the next build does. Nor to read what -v says: it would end the build.
		{syscall.SIGKILL, "", "", "build/etcd"},
	} {
		t.Run(c.signal.String(), func(t *testing.T) {
			cache := t.TempDir()
			t.Setenv("XDG_CACHE_HOME", cache)
			t.Setenv("GOCACHE", t.TempDir()) // nothing is compiled yet: the build is far from its end
			entry := filepath.Join(cache, "clustersnap", "peers", "etcd-*")
			said := interruptBuild(t, c.signal, c.flag)
			if !strings.Contains(said, c.says) {
				t.Errorf("the command said %q, want %q in it", said, c.says)
			}
			if strings.Contains(said, "\ngo.etcd.io/etcd/server/v3\n") {
				t.Error("the go command went on up to its last package")
			}
			if found, err := filepath.Glob(entry); err != nil || len(found) != 1 {
				t.Fatalf("the command began the entries %q, want one (error: %v)", found, err)
			}
			if found, err := filepath.Glob(filepath.Join(entry, c.mayNot)); err != nil || len(found) > 0 {
				t.Errorf("there is %q (error: %v)", found, err)
			}
		})
	}
}

// interruptBuild signals the command when it has started go build, waits till everything that was started has ended,
// and gives what the command said.
func interruptBuild(t *testing.T, signal syscall.Signal, flag string) string {
	t.Helper()
	wrapGo(t, `echo started >&3; shift; exec $GO build `+flag+` "$@"`)
	// Every process below the command inherits one end of the pipe: the other end is at its end when all have ended.
	pipe, inherited, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer pipe.Close()
	var said strings.Builder
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), asCommand+"=1")
	cmd.Stderr = &said
	cmd.ExtraFiles = []*os.File{inherited}
	if err := errors.Join(cmd.Start(), inherited.Close()); err != nil {
		t.Fatal(err)
	}
	below := bufio.NewReader(pipe)
	if _, err := below.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Errorf("the command ended well after %v", signal)
	}
	if _, err := io.Copy(io.Discard, below); err != nil {
		t.Fatal(err)
	}
	return said.String()
}
