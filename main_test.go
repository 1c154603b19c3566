package clustersnap_test

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// controlPlane is the root of a running control-plane node, with an API server: the test bed runs Example_backupNode on its own.
func controlPlane() string { return *node }

var node = flag.String("node", "", "run Example_backupNode, and nothing else, on the control-plane node with this `root`")

// TestMain ends what demoNode has started.
func TestMain(m *testing.M) {
	if flag.Parse(); *node != "" {
		Example_backupNode()
		return
	}
	code := m.Run()
	for i := len(cleanups) - 1; i >= 0; i-- {
		cleanups[i]()
	}
	os.Exit(code)
}

var cleanups []func()

// The README shows code that compiles and runs: lines of the package example.
func TestReadmeShowsTheExample(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	example, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := strings.Cut(string(readme), "```go\n")
	block, _, ok := strings.Cut(block, "```")
	if !ok || !strings.Contains(string(example), "\t"+strings.ReplaceAll(strings.TrimSpace(block), "\n", "\n\t")+"\n") {
		t.Errorf("the README's Go block is not part of example_test.go:\n%s", block)
	}
}

// demoNode starts a kubeadm-shaped node with a real etcd, once, and returns its root. It runs in
// a process of its own: etcd's server must not come into this module's requirements.
var demoNode = sync.OnceValue(func() string {
	dir, err := os.MkdirTemp("", "clustersnap-test-")
	if err != nil {
		panic(err)
	}
	cleanups = append(cleanups, func() { os.RemoveAll(dir) })
	program := filepath.Join(dir, "clustersnap")
	if runtime.GOOS == "windows" {
		program += ".exe"
	}
	if out, err := exec.Command("go", "build", "-C", "examples", "-o", program, "./clustersnap").CombinedOutput(); err != nil {
		panic(fmt.Sprintf("build examples: %v\n%s", err, out))
	}
	root := filepath.Join(dir, "node")
	cmd := exec.Command(program, "demo", "--serve", root, "--objects", "200")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		panic(err)
	}
	dieWithUs(cmd)
	started, ended := make(chan error), make(chan struct{})
	go func() {
		runtime.LockOSThread() // it is this thread's end that the child would die of
		err := cmd.Start()
		started <- err
		if err == nil {
			cmd.Wait()
			close(ended)
		}
	}()
	if err := <-started; err != nil {
		panic(err)
	}
	cleanups = append(cleanups, func() {
		cmd.Process.Kill()
		<-ended
	})
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil { // its line says that it is up
		panic(fmt.Sprintf("start demo node: %v", err))
	}
	return root
})
