package peers

import (
	"cmp"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
)

//go:embed */*/go.mod.txt */*/go.sum.txt
var releases embed.FS

// ldflags leave out what only a debugger reads, and write the version where the source does not.
func (s source) ldflags() string {
	flags := []string{"-s", "-w"}
	digits := strings.Split(strings.TrimPrefix(s.version(), "v"), ".")
	for _, pkg := range stamped[s.release] {
		for _, value := range []string{
			"gitVersion=" + s.version(), "gitMajor=" + digits[0], "gitMinor=" + digits[1], "gitTreeState=clean",
		} {
			flags = append(flags, "-X", pkg+"."+value)
		}
	}
	if s.release == snapshotter { // as its release-tools/build.make does
		flags = append(flags, "-X", "main.version="+s.version())
	}
	if s.release == versitygw { // as its Makefile does
		flags = append(flags, "-X", "main.Version="+s.version())
	}
	return strings.Join(flags, " ")
}

// key names what decides a build: equal keys build equal programs.
func (s source) key() (string, error) {
	mod, sum, err := s.module()
	if err != nil {
		return "", err
	}
	h := sha256.New()
	fmt.Fprintf(h, "%q", []string{
		runtime.Version(), runtime.GOOS, runtime.GOARCH, s.ldflags(), s.main, string(mod), string(sum),
	})
	return hex.EncodeToString(h.Sum(nil))[:16], nil
}

// module gives the go.mod and the go.sum of the program's release.
func (s source) module() (mod, sum []byte, err error) {
	if mod, err = releases.ReadFile(s.release + "/go.mod.txt"); err != nil {
		return nil, nil, err
	}
	sum, err = releases.ReadFile(s.release + "/go.sum.txt")
	return mod, sum, err
}

// build makes the executable in work, an empty folder, and gives its path.
func (s source) build(ctx context.Context, work string) (string, error) {
	mod, sum, err := s.module()
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(work, "go.mod"), mod, 0o644); err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(work, "go.sum"), sum, 0o644); err != nil {
		return "", err
	}
	built := filepath.Join(work, s.name)
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags="+s.ldflags(), "-o", built, s.main)
	cmd.Dir = work
	// The caller's flags are for the caller's module. GOFLAGS is not emptied, because the go command would then
	// take the one that "go env -w" has stored. GOTMPDIR puts all of a build that is cut short into one place.
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=-mod=readonly", "GOTMPDIR="+work)
	if out, err := runWithCaller(cmd); err != nil {
		return "", fmt.Errorf("go build %s in a module of %s: %w\n%s", s.main, s.release, cmp.Or(ctx.Err(), err), out)
	}
	return built, nil
}

// runWithCaller runs cmd, a go command, and interrupts it when its context is done and when this process dies.
// Interrupted, and not killed, it lets its compilers finish, so that none writes where the caller cleans up.
func runWithCaller(cmd *exec.Cmd) ([]byte, error) {
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGINT}
	runtime.LockOSThread() // Pdeathsig is sent at the end of the thread that started cmd (prctl(2))
	defer runtime.UnlockOSThread()
	return cmd.CombinedOutput()
}
