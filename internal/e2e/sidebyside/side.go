package sidebyside

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// Side is one way to do the job.
type Side struct {
	name string
	run  func(tools) (cost, error)
}

// tools are for commands: a directory to write to, and the program that measures.
type tools struct {
	dir  string
	peak func() string
}

// cost is what one run took.
type cost struct {
	Wall time.Duration
	Peak int64 // of resident memory, in bytes
}

// Command is a side that is a process. It is given a new command for each run. The Path, Args, Env, Dir and Stdin of
// that are used; what it prints is shown if it fails. The peak is that of the process alone, or of the largest
// among those that it waited for.
func Command(name string, command func() *exec.Cmd) Side {
	return Side{name, func(with tools) (cost, error) { return with.measure(command()) }}
}

func buildPeak(b *testing.B) string {
	b.Helper()
	program := filepath.Join(b.TempDir(), "peak")
	build := exec.Command("go", "build", "-o", program, "github.com/clustersnap/clustersnap/internal/e2e/sidebyside/peak")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("build peak: %v\n%s", err, out)
	}
	return program
}

func (with tools) measure(cmd *exec.Cmd) (cost, error) {
	if cmd.Err != nil {
		return cost{}, cmd.Err
	}
	file := filepath.Join(with.dir, "cost")
	under := exec.Command(with.peak(), append([]string{file, cmd.Path}, cmd.Args[1:]...)...)
	under.Env, under.Dir, under.Stdin = cmd.Env, cmd.Dir, cmd.Stdin
	if out, err := under.CombinedOutput(); err != nil {
		return cost{}, fmt.Errorf("%w: %s", err, out)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return cost{}, err
	}
	var c cost
	return c, json.Unmarshal(b, &c)
}
