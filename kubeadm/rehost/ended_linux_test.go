package rehost_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
)

// A kube-apiserver that is told to end closes its port long before it has ended. Here it ends once that was waited for.
func TestWaitUntilEnded(t *testing.T) {
	const pattern = "^([^ ]*/)?kube-apiserver( .*)? --?secure-port[= ]1( |$)"
	program := exec.Command("sh", "-c", "read line", "x", "--secure-port=1")
	program.Args[0] = "kube-apiserver"
	in, err := program.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- program.Wait() }()
	defer in.Close()

	tools := t.TempDir()
	waited := filepath.Join(tools, "waited")
	sleep := "#!/bin/sh\necho >>" + waited + "\nkill $PROGRAM\n"
	if err := os.WriteFile(filepath.Join(tools, "sleep"), []byte(sleep), 0o700); err != nil {
		t.Fatal(err)
	}
	wait := exec.Command("sh", "-c", untilEnded, "port", "1", pattern)
	wait.Env = []string{"PATH=" + tools + ":" + os.Getenv("PATH"), "PROGRAM=" + strconv.Itoa(program.Process.Pid)}
	if out, err := wait.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if _, err := os.Stat(waited); err != nil {
		t.Fatalf("it did not wait: %v", err)
	}
	<-ended
}

// What can't be asked is no answer.
func TestWaitWithoutTools(t *testing.T) {
	wait := exec.Command("sh", "-c", untilEnded, "port", "1", "none")
	wait.Env = []string{"PATH=" + t.TempDir()}
	if out, err := wait.CombinedOutput(); err == nil {
		t.Errorf("without ss and pgrep it says that all has ended: %s", out)
	}
}
